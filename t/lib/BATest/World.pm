# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::World;

# A small world for one fault: a database, a mail server, perhaps a cache, an httpd, and clients that work on it while
# something fails.

use strict;
use warnings;
use BATest::Clients;
use BATest::Daemon;
use BATest::Httpd;
use BATest::Journal;
use BATest::MariaDB;
use BATest::Port;
use BATest::Sites;
use BATest::SMTP;
use BATest::Wire;
use File::Path qw(make_path);
use MIME::QuotedPrint qw(decode_qp);
use POSIX ();
use Time::HiRes qw(sleep time);

use constant { SECRET => '0123456789abcdef0123456789abcdef', ORIGIN => 'http://auth.test', USER => 'web', PASSWORD => 'ba-test', PATIENCE => 6 };

# Guarded pages and probes more often than anything else, as in life.
my @WEIGHTS = (sign_up => 10, sign_in => 8, sign_out => 10, revoke => 6, reset => 8, delete => 4, verify => 8, probe => 25, page => 35, stranger => 12);

# src, work: folders, the latter to be made; module; template: a data directory of MariaDB; clients: how many; seed;
# of the fault: dialect (sqlite instead of mysql), wire (before the database), cache (line of httpd), daemon (of the
# cache: redis or memcached), extra, main, env (code), folder (of the database)
sub new {
    my ($class, %o) = @_;
    my $w = bless { dialect => 'mysql', clients => 6, seed => 1, pids => {}, owner => $$, %o }, $class;
    make_path($w->{work});
    $w->{smtp} = BATest::SMTP->new(dir => "$w->{work}/smtp", port => $w->port);
    my $params = $w->{dialect} eq 'sqlite' ? $w->_start_sqlite : $w->_start_mysql;
    if ($w->{daemon}) {
        my $port = $w->port;
        $w->{cache_server} = BATest::Daemon->new(kind => $w->{daemon}, dir => "$w->{work}/$w->{daemon}", port => $port);
        $w->{cache} =~ s/\@PORT\@/$port/;
    }
    $w->_start_httpd($params);
    return $w;
}

sub port { return BATest::Port::free($_[0]{work}) }
sub file { my ($w, $name) = @_; return "$w->{work}/$name" }

sub write {
    my ($w, $name, $text) = @_;
    open my $out, '>', "$w->{work}/$name" or die "$w->{work}/$name: $!\n";
    print {$out} $text;
    close $out or die "$w->{work}/$name: $!\n";
}

sub _start_mysql {
    my ($w) = @_;
    my $db = $w->{db} = BATest::MariaDB->new(dir => ($w->{folder} // $w->{work}) . '/db', port => $w->port, template => $w->{template},
        options => [qw(--innodb-flush-log-at-trx-commit=1 --innodb-lock-wait-timeout=3)])->install;
    $db->create('auth', sort glob "$w->{src}/sql/mysql/[0-9]*.sql");
    # the rights that README grants
    $db->sql(sprintf q{CREATE USER '%s'@'127.0.0.1' IDENTIFIED BY '%s'; GRANT SELECT, INSERT, UPDATE, DELETE ON auth.* TO '%1$s'@'127.0.0.1'}, USER, PASSWORD);
    my $port = $db->port;
    if ($w->{wire}) {
        $port = $w->port;
        $w->{wire} = BATest::Wire->new(dir => "$w->{work}/wire", port => $port, to => $db->port);
    }
    return sprintf 'host=127.0.0.1 port=%d user=%s pass=%s dbname=auth reconnect=0 flags=CLIENT_FOUND_ROWS', $port, USER, PASSWORD;
}

sub _start_sqlite {
    my ($w) = @_;
    make_path($w->{folder} //= "$w->{work}/sqlite");
    my $files = join ' ', map { qq('$_') } sort glob "$w->{src}/sql/sqlite3/[0-9]*.sql";
    system("cat $files </dev/null | sqlite3 '$w->{folder}/auth.db' >/dev/null") == 0 or die "sqlite3 could not load the schema\n";
    return "$w->{folder}/auth.db";
}

sub _start_httpd {
    my ($w, $params) = @_;
    my ($own, $more) = (BATest::Httpd::sanitizers($w->{module}, $w->file('report')), $w->{env} ? $w->{env}->($w) : {});
    my %env = (%$own, %$more);
    $env{LD_PRELOAD} = join ':', grep { defined } $own->{LD_PRELOAD}, $more->{LD_PRELOAD} if exists $env{LD_PRELOAD};
    my $extra = "    BetterAuthMailer smtp://127.0.0.1:$w->{smtp}{port}\n" . <<'EXTRA' . ($w->{extra} // '');
    BetterAuthMailFrom noreply@auth.test
    BetterAuthMailLimit 1000 1h
    BetterAuthVerifyOnSignUp on
    BetterAuthResetRevokesSessions on
    BetterAuthDeleteUser confirm
EXTRA
    my $cache = $w->{cache} // 'shmcb 10';
    my $conf = BATest::Sites::conf({ dialect => $w->{dialect}, cache => "BetterAuthSessionCache $cache", extra => $extra },
        srcdir => $w->{src}, workdir => $w->{work}, secret => SECRET, origin => ORIGIN, echo => 9, params => $params);
    my $load = $cache =~ /^(redis|memcache)/ ? BATest::Sites::load("socache_$1") : '';
    $w->{site} = $w->port;
    $w->{httpd} = BATest::Httpd->new(dir => "$w->{work}/httpd", port => $w->port, module => $w->{module}, main => $load . ($w->{main} // ''),
        env => \%env, sites => [{ name => 'site', port => $w->{site}, conf => $conf }])->launch;
}

# Runs code in the background.
sub start {
    my ($w, $name, $code) = @_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        open STDERR, '>>', "$w->{work}/$name.log";
        my $ok = eval { $code->(); 1 };
        print STDERR $@;
        POSIX::_exit($ok ? 0 : 1);
    }
    return $w->{pids}{$name} = $pid;
}

sub wait_for {
    my ($w, $name) = @_;
    waitpid delete $w->{pids}{$name}, 0;
    die "$name failed: see $w->{work}/$name.log\n" if $?;
}

# Rows, in either dialect.
sub sql {
    my ($w, $statement) = @_;
    return $w->{db}->sql($statement, 'auth') if $w->{db};
    my $rows = BATest::MariaDB::_pipe($statement, qw(sqlite3 -cmd), '.timeout 10000', qw(-batch -noheader -separator), "\t", '-nullvalue', 'NULL', "$w->{folder}/auth.db");
    return map { [map { $_ eq 'NULL' ? undef : $_ } split /\t/, $_, -1] } grep { $_ ne '10000' } split /\n/, $rows;
}

# --- Clients ----------------------------------------------------------------------------------------------------------

sub client {
    my ($w, $name, %o) = @_;
    return BATest::Clients->new(name => $name, file => "$w->{work}/journal-$name.jsonl", ports => [$w->{site}], origin => ORIGIN, secret => SECRET,
        patience => PATIENCE, mails => 1, weights => \@WEIGHTS, mailed => sub { $w->mailed(@_) }, %o);
}

# The secret that a person was mailed last, for those who wait a moment.
sub mailed {
    my ($w, $who, $kind) = @_;
    my $deadline = time + 1;
    while (1) {
        for my $file (grep { !$w->{seen}{$_}++ } sort glob "$w->{work}/smtp/*.mail") {
            open my $in, '<', $file or next;
            my ($to, $text) = do { local $/; split /\n/, scalar <$in>, 2 };
            $text = decode_qp($text) if $text =~ /^Content-Transfer-Encoding: quoted-printable/m;
            $w->{inbox}{$to}{ $1 eq 'reset-password' ? 'reset' : 'delete' } = $2 if $text =~ m{/(reset-password|delete-account)\b\S*[/=]([\w-]{20,})};
        }
        my $secret = delete $w->{inbox}{ $who->{email} }{$kind};
        return $secret if defined $secret || time > $deadline;
        sleep 0.03;
    }
}

sub start_clients {
    my ($w) = @_;
    for my $n (1 .. $w->{clients}) {
        $w->start("client-$n", sub {
            srand $w->{seed} * 100 + $n;
            my $client = $w->client("c$n");
            until (-e "$w->{work}/stop") { $client->step; sleep 0.01 }
            sleep 0.1 until -e "$w->{work}/whole";
            $client->look_at_all;
        });
    }
}

# The site as one of its visitors finds it: true if all goes well several times.
sub healthy {
    my ($w) = @_;
    my $client = $w->{visitor} //= $w->client('visitor', patience => 2);
    my $n = @{ $client->{people} };
    $client->sign_up(1);
    return 0 if @{ $client->{people} } == $n;
    for (1 .. 8) { return 0 if $client->page($client->{people}[-1]{sessions}[-1]) ne 'ok' }
    return 1;
}

# Seconds until it is healthy, or undef.
sub recovers {
    my ($w, $within) = @_;
    my $start = time;
    until ($w->healthy) {
        return undef if time - $start > $within;
        sleep 0.1;
    }
    return time - $start;
}

sub journal { my ($w) = @_; return BATest::Journal::load(glob "$w->{work}/journal-*.jsonl") }

# How many entries of the journal since a time are of an outcome.
sub count {
    my ($w, $outcome, $since) = @_;
    return scalar grep { $_->{outcome} eq $outcome && $_->{end} >= $since } $w->journal;
}

# --- The end ----------------------------------------------------------------------------------------------------------

# Clients end, mails arrive, each session is looked at.
sub finish {
    my ($w) = @_;
    $w->write('stop', '');
    sleep 0.3;
    my $deadline = time + 30;
    while (1) {    # what is to be tried again, or was begun by who is gone, need not wait
        my ($row) = $w->sql('SELECT COUNT(*) FROM ba_mail WHERE dueAt IS NOT NULL');
        last unless $row->[0];
        die "$row->[0] mails are still waiting\n" if time > $deadline;
        $w->sql(q{UPDATE ba_mail SET dueAt = '2020-01-01 00:00:00.000' WHERE dueAt IS NOT NULL});
        sleep 1;
    }
    $w->write('whole', '');
    $w->wait_for($_) for sort grep { /^client/ } keys %{ $w->{pids} };
}

sub left {
    my ($w) = @_;
    return { 1 => {
        users    => [map { { id => $_->[0], email => $_->[1], verified => $_->[2] + 0 } } $w->sql('SELECT id, email, emailVerified FROM user')],
        accounts => [map { { user => $_->[0] } } $w->sql('SELECT userId FROM account')],
        sessions => [map { { token => $_->[0], user => $_->[1] } } $w->sql('SELECT token, userId FROM session')],
    } };
}

# Those that arrived, and those that were given up, which the log has told.
sub mails {
    my ($w) = @_;
    my @arrived = map { { to => $_->{recipient}, id => $_->{header}{'message-id'} =~ /<([^@>]+)/ } } $w->{smtp}->mails;
    my @given_up = map { { to => $_->[0], id => $_->[1] } } $w->sql('SELECT recipient, id FROM ba_mail WHERE dueAt IS NULL AND sentAt IS NULL');
    return [@arrived, @given_up];
}

# Lines of the error log, from a place on.
sub log_lines {
    my ($w, $from) = @_;
    open my $in, '<:raw', $w->{httpd}->error_log or return;
    seek $in, $from // 0, 0;
    return map { chomp; $_ } <$in>;
}
sub log_size { return -s $_[0]{httpd}->error_log }

sub stop {
    my ($w) = @_;
    return if $$ != $w->{owner};
    for my $pid (values %{ $w->{pids} }) { kill TERM => $pid; waitpid $pid, 0 }
    $w->{pids} = {};
    for my $server (grep { ref } @$w{qw(httpd wire smtp cache_server)}) { $server->stop }
    $w->{db}->kill_now if $w->{db};
}

1;
