#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# betterauthctl check: each of its rows when all is well, when something is to be looked at and when it is broken, and
# the exit status of each.
use strict;
use warnings;
use BATest -own;
use BATest::Ctl qw(says slurp write_file);
use File::Path qw(make_path);
use IO::Socket::INET ();

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $state = BATest::state();
my $dir = "$state->{workdir}/ctl-check";
make_path($dir);
my $secret = "$dir/secret";
write_file($secret, SECRET . "\n");
chmod 0600, $secret;

my $httpd = private_httpd(name => 'ctl-checked');
my $served = "http://127.0.0.1:" . BATest::_site('ctl-checked')->{port};
my $pid_file = $httpd->pid_file;
my $revocations = (glob "$pid_file.betterauth-*")[0];

mariadb()->create($_, schema('mysql')) for qw(ctl_check ctl_check_broken);
mariadb()->create('ctl_check_empty');
BATest::Ctl::run(undef, '--database', "sqlite3:$dir/$_.db", 'init') for qw(good broken);
write_file("$dir/empty.db", '');
my %dbd = (
    mysql  => { map { $_ => ['mysql', mariadb()->dbd_params($_ eq 'good' ? 'ctl_check' : "ctl_check_$_")] } qw(good broken empty) },
    sqlite => { map { $_ => ['sqlite3', "$dir/$_.db"] } qw(good broken empty away) },
);
$dbd{mysql}{away} = ['mysql', $dbd{mysql}{good}[1] =~ s/port=\d+/port=1/r];

# Options for a configuration that is in order, but for what the test says: %set, each in place of what is usual.
my $serial = 0;
sub asking {
    my (%set) = @_;
    my %is = (trace => 'TraceEnable off', pid => $pid_file, dbd => $dbd{sqlite}{good}, secret => "file:$secret", url => $served, extra => '', %set);
    return BATest::Ctl::of_conf("$dir/httpd-" . ++$serial, <<"END");
$is{trace}
PidFile "$is{pid}"
<VirtualHost 127.0.0.1:9>
    ServerName check.test
    DBDriver $is{dbd}[0]
    DBDParams "$is{dbd}[1]"
    BetterAuthSecret $is{secret}
    BetterAuthBaseURL $is{url}
    <Location "/api/auth">
        SetHandler betterauth
    </Location>
    $is{extra}
</VirtualHost>
END
}

# [what, state, what the text must be like]
my @GOOD = (['configuration', 'ok', qr/\Ahttpd has nothing to complain about\z/], ['database', 'ok', qr/\Asqlite3, reached\z/], ['tables', 'ok', qr/\Acomplete\z/],
    ['secret', 'ok', qr/\A\Q$secret\E\z/], ['server', 'ok', qr/\Ahttpd runs, process @{[ $httpd->pid ]}\z/],
    ['revocation', 'ok', qr/\Awhat is revoked from here, the server refuses at once\z/], ['API', 'ok', qr{\A\Q$served\E/api/auth/ok\z}]);

sub finds {
    my ($name, $args, $status, @expected) = @_;
    my $did = BATest::Ctl::run(undef, @$args, qw(--json check));
    my @rows = @{ $did->{json} || [] };
    is($did->{status}, $status, "$name: exit status");
    is(join(' ', map { "$_->{what}:$_->{state}" } @rows), join(' ', map { "$_->[0]:$_->[1]" } @expected), "$name: rows")
        or diag "$did->{out}$did->{err}";
    like($rows[$_]{text}, $expected[$_][2], "$name: $expected[$_][0]") for 0 .. $#expected;
    return $did;
}

# All rows of a good set-up, but these in the place of those of the same name.
sub but { my @rows = @_; return map { my $good = $_; my @instead = grep { $_->[0] eq $good->[0] } @rows; @instead ? @instead : $good } @GOOD }

# A server that takes a connection and says nothing: asked now, looked at in the end.
my $silent = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "no port: $!";
my @of_silent = asking(url => 'http://127.0.0.1:' . $silent->sockport);
my $waiting = open(my $late, '-|', BATest::Ctl::binary(), @of_silent, 'check') or die "fork: $!";

subtest 'all is well' => sub {
    finds('on SQLite', [asking()], 0, @GOOD);
    finds('on MySQL', [asking(dbd => $dbd{mysql}{good})], 0, but(['database', 'ok', qr/\Amysql, reached\z/]));
    my $did = says('for people', undef, [asking(), 'check'], 0, qr/\AWHAT +STATE *\S*\nconfiguration +ok +httpd has nothing/);
    is(scalar(() = $did->{out} =~ /\n/g), 1 + @GOOD, 'a line for each');
    unlike($did->{out}, qr/ba-test/, 'no password');
};

my $ELSEWHERE = qq(BetterAuthPagesPath /x\n    <Location "/y">\n        SetHandler betterauth-pages\n    </Location>);

subtest 'configuration' => sub {
    my $refused = ['configuration', 'bad', qr/\AAH00014: Configuration check failed\z/];
    my $trace = ['configuration', 'warning', qr/\ABA0118: TRACE shows session cookies/];
    finds('a warning', [asking(trace => 'TraceEnable on')], 1, but($trace));
    finds('two of them', [asking(trace => 'TraceEnable on', extra => 'BetterAuthDisablePath /no-such')], 1, but(['configuration', 'warning', qr/\ABA0128: .*no-such/], $trace));
    my $did = finds('what the module refuses', [asking(extra => $ELSEWHERE)], 1, ['configuration', 'bad', qr/\ABA0113: .*BetterAuthPagesPath/], $refused);
    like($did->{err}, qr/httpd refuses its configuration/, 'said on stderr, too');
    finds('a directive that is none', [asking(extra => 'Frobnicate on')], 1, ['configuration', 'bad', qr/Syntax error on line/], ['configuration', 'bad', qr/Invalid command 'Frobnicate'/]);
    finds('httpd that is not there', ['--httpd', '/nonexistent/httpd'], 1, ['configuration', 'bad', qr{cannot run /nonexistent/httpd}]);
    unlike(says('one that says nothing', undef, [qw(--httpd /bin/false --json check)], 1, qr/httpd refuses its configuration/)->{out}, qr/"ok"/, 'of which nothing is good');

    # what httpd remarks on the name of the machine is no finding
    my @unnamed = asking(extra => $ELSEWHERE);
    write_file($unnamed[-1], slurp($unnamed[-1]) =~ s/^ServerName .*\n//mr);
    SKIP: {
        skip 'this machine knows its own name', 4 unless BATest::Ctl::run(undef, @unnamed, 'check')->{err} =~ /AH00558/;
        finds('beside the name of the machine', \@unnamed, 1, ['configuration', 'bad', qr/\ABA0113: /], $refused);
    }
};

for my $dialect (qw(mysql sqlite)) {
    subtest "database and tables, $dialect" => sub {
        my $driver = $dbd{$dialect}{good}[0];
        my $sql = sub { $dialect eq 'mysql' ? mariadb()->sql($_[0], 'ctl_check_broken') : BATest::MariaDB::_pipe("$_[0];", 'sqlite3', "$dir/broken.db") };
        my $reached = ['database', 'ok', qr/\A$driver, reached\z/];
        my $unreached = ['database', 'bad', qr/\Acannot be reached\z/];
        write_file("$dir/$dialect-$_", join(':', @{ $dbd{$dialect}{$_} }) . "\n") for qw(good broken away);
        my $alone = sub { ['--database', "file:$dir/$dialect-$_[0]"] };
        my @broken = (dbd => $dbd{$dialect}{broken});

        finds('good, without httpd', $alone->('good'), 0, $reached, $GOOD[2]);
        my $did = finds('not to be reached, without httpd', $alone->('away'), 1, $unreached);
        like($did->{err}, $dialect eq 'mysql' ? qr/cannot reach the mysql database/ : qr/there is no database/, 'and why');
        finds('not to be reached', [asking(dbd => $dbd{$dialect}{away})], 1, ['configuration', 'warning', qr/\ABA0119: cannot reach the $driver database: /], $unreached, @GOOD[3 .. 6]);
        finds('none of the tables', [asking(dbd => $dbd{$dialect}{empty})], 1, but(['configuration', 'warning', qr/\ABA0120: /], $reached, ['tables', 'bad', qr/table/i]));

        # nobody needs this column without BetterAuthAdmin, but a step makes it
        $sql->('ALTER TABLE session DROP COLUMN impersonatedBy');
        my $steps = ['tables', 'warning', qr/\Athere are steps to do: see betterauthctl migrate status\z/];
        finds('a step is to do', [asking(@broken)], 1, but($reached, $steps));
        finds('the same without httpd', $alone->('broken'), 1, $reached, $steps);
        finds('with BetterAuthAdmin', [asking(@broken, extra => 'BetterAuthAdmin on')], 1, but(['configuration', 'warning', qr/\ABA0172: .*impersonatedBy/], $reached, ['tables', 'bad', qr/impersonatedBy/]));
        $sql->('ALTER TABLE session ADD COLUMN impersonatedBy text');
        finds('with the column', [asking(@broken, extra => 'BetterAuthAdmin on')], 0, but($reached));
        finds('a column of the operator\'s own', [asking(@broken, extra => 'BetterAuthField user shoe string')], 1,
            but(['configuration', 'warning', qr/\ABA0127: .*shoe/], $reached, ['tables', 'bad', qr/shoe/]));
        $sql->('ALTER TABLE user DROP COLUMN image');
        finds('a column of the core', $alone->('broken'), 1, $reached, ['tables', 'bad', qr/image/]);
    };
}
ok(!-e "$dir/away.db", 'nobody who looks makes a database');

subtest '--database that is none' => sub {
    finds('no driver', ['--database', 'nonsense'], 2);
    finds('an unknown one', ['--database', 'oracle:x'], 1, ['database', 'bad', qr/\Acannot be reached\z/]);
};

subtest 'secret' => sub {
    write_file("$dir/$_", SECRET . "\n") for qw(open gone);
    chmod 0640, "$dir/open";
    chmod 0600, "$dir/gone";
    my $open = ['secret', 'warning', qr/\A\Q$dir\E\/open can be read by others than its owner: chmod 600\z/];
    finds('that a group reads', [asking(secret => "file:$dir/open")], 1, but($open));
    finds('one good, one not', [asking(secret => "file:$secret file:$dir/open")], 1, but($GOOD[3], $open));
    finds('one not, one good', [asking(secret => "file:$dir/open file:$secret")], 1, but($open, $GOOD[3]));
    local $ENV{BA_OF_CHECK} = SECRET =~ s/./x/r;
    finds('the first in no file', [asking(secret => "env:BA_OF_CHECK file:$dir/open")], 1, but($open));
    finds('in no file', [asking(secret => SECRET)], 0, grep { $_->[0] ne 'secret' } @GOOD);

    # gone as soon as httpd has read it
    my @of = asking(secret => "file:$dir/gone");
    write_file("$dir/httpd", "#!/bin/sh\n$of[1] \"\$@\"\nstatus=\$?\nrm -f '$dir/gone'\nexit \$status\n");
    chmod 0755, "$dir/httpd";
    finds('that is not there', ['--httpd', "$dir/httpd", @of[2, 3]], 1, but(['secret', 'warning', qr/\A\Q$dir\E\/gone: No such file/]));
};

subtest 'server, revocation, API' => sub {
    my $nobody = ['server', 'warning', qr/\Ahttpd does not run\z/];
    finds('no PidFile', [asking(pid => "$dir/no.pid")], 1, @GOOD[0 .. 3], $nobody);
    my $ended = fork // die "fork: $!";
    POSIX::_exit(0) unless $ended;
    waitpid $ended, 0;
    write_file("$dir/stale.pid", "$ended\n");
    finds('a process that has ended', [asking(pid => "$dir/stale.pid")], 1, @GOOD[0 .. 3], $nobody);
    write_file("$dir/odd.pid", "0\n");
    finds('none', [asking(pid => "$dir/odd.pid")], 1, @GOOD[0 .. 3], $nobody);
    write_file("$dir/other.pid", "$$\n");
    finds('a server without counters', [asking(pid => "$dir/other.pid")], 1, but(['server', 'ok', qr/process $$\z/],
        ['revocation', 'warning', qr/\A\Q$dir\E\/other.pid.betterauth-1: No such file.*believed for the lifetime of BetterAuthSessionCache/]));
    SKIP: {
        skip 'nothing is closed to root', 1 unless $>;
        for my $mode (0, 0400) {
            chmod $mode, $revocations;
            finds(sprintf('counters of mode %04o', $mode), [asking()], 1, but(['revocation', 'warning', qr/\A\Q$revocations\E: Permission denied/]));
        }
        chmod 0600, $revocations;
    }
    my $closed = 'http://127.0.0.1:' . free_port();
    finds('nobody listens', [asking(url => $closed)], 1, but(['API', 'warning', qr{\A\Q$closed\E/api/auth/ok: }]));
    my $elsewhere = "http://127.0.0.1:$httpd->{port}";
    my $did = finds('somebody else does', [asking(url => $elsewhere)], 1, but(['API', 'warning', qr{\A\Q$elsewhere\E/api/auth/ok answers 404\z}]));
    is($did->{err}, '', 'and nothing is said but in the rows');
};

my $said = do { local $/; <$late> };
close $late;
is($? >> 8, 1, 'a server that says nothing: exit status');
like($said, qr{^API +warning +http://127\.0\.0\.1:\d+/api/auth/ok: .*[Tt]ime}m, 'is not waited for for ever');

$httpd->stop;
done_testing;
