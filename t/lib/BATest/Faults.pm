# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Faults;

# The faults of t/faults/run: how each is made, how it is known that it happened, what is to be expected.

use strict;
use warnings;
use BATest::FaultsSQL;
use BATest::MariaDB;
use BATest::Sites;
use BATest::World;
use POSIX ();
use Time::HiRes qw(sleep time);

# The state letter of a process: T is stopped.
sub process_state {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/stat" or return 'gone';
    return (<$in> // '') =~ /^\d+ \(.*\) (\S)/ ? $1 : 'gone';
}

# What clients saw of it belongs to the proof: nobody has seen a fault that has refused nobody.
sub seen {
    my ($w, $since, $text) = @_;
    my $n = $w->count('unknown', $since);
    return $n && "$text; $n operations got 503 or no answer";
}

# What was written, and answered, after a time.
sub written { my ($w, $since) = @_; return scalar grep { $_->{start} > $since && $_->{outcome} eq 'ok' && $_->{kind} =~ /^(?:sign-|revoke|reset)/ } $w->journal }

sub log_count {
    my ($w, $from, $pattern) = @_;
    return scalar grep { /$pattern/ } $w->log_lines($from);
}

# --- The database -----------------------------------------------------------------------------------------------------

sub db_killed {
    my ($w) = @_;
    my ($start, $pid) = (time, $w->{db}->pid);
    $w->{db}->kill_now;
    my $state = process_state($pid);
    sleep 1.5;
    $w->{db}->start;
    return $state eq 'gone' && seen($w, $start, sprintf 'process %d was gone for %.1f s', $pid, time - $start);
}

sub db_restarted {
    my ($w) = @_;
    my ($start, $pid) = (time, $w->{db}->pid);
    $w->{db}->stop;
    $w->{db}->start;
    return $w->{db}->pid != $pid && seen($w, $start, sprintf 'a new process after %.1f s', time - $start);
}

sub db_frozen {
    my ($w) = @_;
    my ($start, $pid) = (time, $w->{db}->pid);
    kill STOP => $pid;
    sleep 0.1;
    my $state = process_state($pid);
    sleep 3;
    $state .= process_state($pid);
    my $n = written($w, $start + 0.2);
    kill CONT => $pid;
    return $state eq 'TT' && !$n && sprintf 'process %d stood still for %.1f s, in which nothing was written', $pid, time - $start;
}

# As a firewall does that forgets connections: at first nothing comes through, then the connections are gone.
sub db_black_hole {
    my ($w) = @_;
    my $start = time;
    $w->{wire}->does('hold');
    sleep 3;
    my $n = written($w, $start + 0.2);
    my $held = time - $start;
    $w->{wire}->cut;
    sleep 1;
    # a read is asked again on a new connection: who waited need not have failed
    my $waited = grep { $_->{start} > $start - 1 && ($_->{end} // 0) - $_->{start} > 2 } $w->journal;
    return !$n && $waited && sprintf 'nothing came through for %.1f s, then the connections were cut; %d operations had waited', $held, $waited;
}

# As the administrator, who is let in when there is nobody else at the door.
sub insist {
    my ($w, $statement) = @_;
    for (1 .. 300) {
        my $said = BATest::MariaDB::_slurp_command($statement, qw(mariadb --no-defaults --force --batch --skip-column-names -uroot -S), $w->{db}->socket);
        return $said if defined $said;
        sleep 0.1;
    }
    die "the administrator is not let in\n";
}

sub db_connections {
    my ($w) = @_;
    my $start = time;
    my $count = sub { insist($w, q{SHOW GLOBAL STATUS LIKE 'Connection_errors_max_connections'}) =~ /(\d+)$/ };
    my ($before) = $count->();
    # without a right that would give it the one that is kept for administrators
    $w->sql(q{CREATE USER 'crowd'@'127.0.0.1'; SET GLOBAL max_connections = 10});
    my @options = (qw(--no-defaults -h127.0.0.1 -ucrowd), '-P' . $w->{db}->port);
    for my $n (1 .. 12) { $w->start("crowd-$n", sub { system 'sh', '-c', 'for i in 1 2 3 4 5 6 7 8; do "$@" && break; sleep 0.1; done', 'sh', 'mariadb', @options, '-e', 'DO SLEEP(3)' }) }
    while (time < $start + 1.5) {    # whatever httpd has, others get in its place
        my @ids = split /\n/, insist($w, sprintf q{SELECT id FROM information_schema.processlist WHERE user = '%s'}, BATest::World::USER);
        insist($w, "KILL $_") for @ids;
        sleep 0.2;
    }
    $w->wait_for("crowd-$_") for 1 .. 12;
    my $refused = ($count->())[0] - $before;
    insist($w, 'SET GLOBAL max_connections = 300');
    return $refused && seen($w, $start, "the server has refused $refused connections as too many");
}

# Somebody else locks the tables in the other order.
sub db_deadlocks {
    my ($w) = @_;
    my $count = sub { ($w->sql(q{SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'}))[0][1] };
    my ($before, $stop) = ($count->(), time + 4);
    $w->start('rival', sub {
        while (time < $stop) {
            BATest::MariaDB::_slurp_command(join('; ', 'START TRANSACTION', (map { "SELECT COUNT(*) FROM `$_` FOR UPDATE" } qw(ba_mail verification session account user)), 'COMMIT'),
                qw(mariadb --no-defaults -uroot -S), $w->{db}->socket, 'auth');
        }
    });
    $w->wait_for('rival');
    my $n = $count->() - $before;
    return $n && "the server has counted $n deadlocks";
}

sub db_tables {
    my ($w) = @_;
    my %seen;
    for my $table (qw(user account session verification ba_mail)) {
        my $here = $w->log_size;
        $w->sql("RENAME TABLE `$table` TO `away_$table`");
        sleep 0.8;
        $w->sql("RENAME TABLE `away_$table` TO `$table`");
        $seen{$table} = log_count($w, $here, qr/BA0201: .*\bauth\.\Q$table\E' doesn't exist/);
    }
    return !(grep { !$_ } values %seen) && 'missing, in turn: ' . join ', ', map { "$_ ($seen{$_} lines)" } sort keys %seen;
}

sub db_read_only {
    my ($w) = @_;
    my ($start, $from) = (time, $w->log_size);
    $w->sql('SET GLOBAL read_only = 1');
    sleep 2;
    $w->sql('SET GLOBAL read_only = 0');
    my $n = log_count($w, $from, qr/BA0201: .* failed with 1290/);
    return $n && seen($w, $start, "$n statements were refused with 1290");
}

# --- The cache --------------------------------------------------------------------------------------------------------

sub cache_down {
    my ($w) = @_;
    my $start = time;
    $w->{cache_server}->stop;
    my $gone = !$w->{cache_server}->connect;
    sleep 2;
    $w->{cache_server}->start;
    return $gone && sprintf 'nobody listened for %.1f s', time - $start;
}

sub cache_frozen {
    my ($w) = @_;
    my $start = time;
    $w->{cache_server}->signal('STOP');
    sleep 0.1;
    my $state = process_state($w->{cache_server}{pid});
    sleep 8;
    $state .= process_state($w->{cache_server}{pid});
    $w->{cache_server}->signal('CONT');
    sleep 0.5;
    my @answered = grep { $_->{kind} =~ /^(?:probe|page)$/ && $_->{start} > $start + 1 && $_->{end} < $start + 8 && $_->{outcome} ne 'unknown' } $w->journal;
    # whoever came first still waits; all others have learnt of it
    return $state eq 'TT' && @answered >= 5 && sprintf 'it stood still for 8 s, in which %d questions were answered', scalar @answered;
}

# One command of redis; answers what it says.
sub redis {
    my ($socket, @words) = @_;
    print {$socket} '*' . @words . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @words;
    my $line = <$socket> // return;
    my $read = sub { my ($size) = @_; read $socket, my $data, $size + 2; return substr $data, 0, $size };
    return $1 < 0 ? undef : $read->($1) if $line =~ /^\$(-?\d+)/;
    return map { my $l = <$socket>; $l =~ /^\$(\d+)/ ? $read->($1) : () } 1 .. $1 if $line =~ /^\*(\d+)/;
    return $line;
}

# Every key that it has gets another value, over and over: cut off, with bits turned, noise, nothing.
sub cache_garbage {
    my ($w) = @_;
    my ($deadline, $n) = (time + 3, 0);
    my $socket = $w->{cache_server}->connect or return '';
    while (time < $deadline) {
        for my $key (redis($socket, 'KEYS', '*')) {
            my $value = redis($socket, 'GET', $key) // next;
            my $how = int rand 4;
            if ($how == 0) { $value = substr $value, 0, rand length $value }
            elsif ($how == 1 && length $value) { substr($value, $_, 1) = chr(ord(substr $value, $_, 1) ^ 1 << rand 8) for map { int rand length $value } 1 .. 3 }
            elsif ($how == 2) { $value = join '', map { chr rand 256 } 1 .. rand 5000 }
            else { $value = '' }
            redis($socket, 'SET', $key, $value);
            ++$n;
        }
        sleep 0.02;
    }
    return $n && "$n values were spoilt";
}

# --- The mail server --------------------------------------------------------------------------------------------------

sub mail_refusing {
    my ($w) = @_;
    my $from = $w->log_size;
    $w->{smtp}->stop;
    sleep 2.5;
    $w->{smtp}->start;
    my $n = log_count($w, $from, qr/BA0711/);
    return $n && "nobody listened, $n attempts failed";
}

# does: words of BATest::SMTP; pattern: of the lines that say so, or of the server's own log; restart: it ends so.
sub mail_does {
    my ($does, $pattern, $restart) = @_;
    return sub {
        my ($w) = @_;
        my ($from, $here) = ($w->log_size, scalar(my @before = $w->{smtp}->log));
        $w->{smtp}->does($does);
        sleep 2.5;
        $w->{smtp}->does('good');
        if ($restart) { $w->{smtp}->stop; $w->{smtp}->start }
        my @log = $w->{smtp}->log;
        my $n = log_count($w, $from, $pattern) || grep { /$pattern/ } @log[$here .. $#log];
        return $n && "$does, which was met $n times";
    };
}

# --- httpd ------------------------------------------------------------------------------------------------------------

sub graceful {
    my ($w) = @_;
    my %all;
    for (1 .. 4) {
        my %old = map { $_ => 1 } $w->{httpd}->children;
        @all{ keys %old } = ();
        $w->{httpd}->signal('USR1');
        my $deadline = time + 10;
        sleep 0.05 until (grep { !$old{$_} } $w->{httpd}->children) || time > $deadline;
        return '' if time > $deadline;
        sleep 0.4;
    }
    return scalar(keys %all) . ' children were replaced in 4 restarts';
}

sub children_killed {
    my ($w) = @_;
    my (%killed, %all);
    # httpd looks after its children once a second
    for (my $end = time + 15; keys %killed < 6 && time < $end; sleep 0.4) {
        my @children = $w->{httpd}->children or next;
        @all{@children} = ();
        my $one = $children[rand @children];
        $killed{$one} = 1 if kill KILL => $one;
    }
    my ($gone, $until) = (0, time + 5);
    until (($gone = grep { !BATest::Httpd::runs($_) } keys %killed) == keys %killed || time > $until) { sleep 0.1 }
    return $gone >= 4 && $gone == keys %killed && sprintf '%d children were killed with -9, of %d that there were', $gone, scalar keys %all;
}

# Slow clients: each sends the head of a sign-in and then a byte now and then. They take every thread there is.
sub busy {
    my ($w) = @_;
    my @sockets;
    my $client = $w->client('waiting', patience => 1);
    for (1 .. 120) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $w->{site}, Timeout => 1) or next;
        syswrite $socket, "POST /api/auth/sign-in/email HTTP/1.1\r\nHost: auth.test\r\nOrigin: " . BATest::World::ORIGIN . "\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n{";
        push @sockets, $socket;
    }
    my $waited = 0;
    local $SIG{PIPE} = 'IGNORE';
    for (1 .. 3) {
        my ($answer) = $client->at_once([1, GET => '/api/auth/ok']);
        ++$waited unless $answer->{status};
        syswrite $_, ' ' for @sockets;
    }
    return $waited && sprintf '%d slow clients held every thread: %d of 3 requests had no answer within a second', scalar @sockets, $waited;
}

sub limit { my ($what, @pids) = @_; for (@pids) { return 0 if system('prlimit', '--pid', $_, $what) != 0 } return 1 }

# No more open files than there are now.
sub descriptors {
    my ($w) = @_;
    my $from = $w->log_size;
    my @children = $w->{httpd}->children;
    for my $pid (@children) { my $open = () = glob "/proc/$pid/fd/*"; limit('--nofile=' . ($open + 1) . ':', $pid) or return '' }
    sleep 2.5;
    limit('--nofile=1024:', grep { -d "/proc/$_" } @children);
    my $n = log_count($w, $from, qr/Too many open files/);
    return $n && "$n lines say \"Too many open files\"";
}

# No new thread and no new process.
sub threads {
    my ($w) = @_;
    my $from = $w->log_size;
    my ($parent, @children) = ($w->{httpd}->pid, $w->{httpd}->children);
    my ($before) = qx(prlimit --pid $parent --nproc --noheadings --raw -o SOFT) =~ /(\S+)/;
    limit('--nproc=1:', $parent, @children) or return '';
    sleep 1.5;
    kill KILL => $children[0];
    sleep 1.5;
    my $n = log_count($w, $from, qr/BA0710|AH00481/);
    limit("--nproc=$before:", grep { -d "/proc/$_" } $parent, @children);
    return $n && "$n lines say that there is no thread or process";
}

# --- Clock, chance, disk ----------------------------------------------------------------------------------------------

# Hours forth and back, while the database is away, so that whoever waits until some time waits across it.
sub clock {
    my ($w) = @_;
    my (@said, %hours);
    for my $jump ('+2h', '+0', '-2h', '+0') {
        $w->{db}->stop;
        sleep 0.7;
        $w->write('clock.new', "$jump\n");
        rename $w->file('clock.new'), $w->file('clock');
        sleep 2.5;    # it is looked at when that was more than a whole second ago
        my ($answer) = $w->client('clock')->at_once([1, GET => '/api/auth/ok']);
        push @said, ($answer->{date} // '?') =~ s/.*?(\d\d:\d\d:\d\d).*/$1/r;
        $hours{ substr $said[-1], 0, 2 } = 1;
        $w->{db}->start;
        return '' unless defined $w->recovers(10);
    }
    return keys %hours >= 3 && 'httpd said it was ' . join ', ', @said;
}

sub clock_env {
    my ($w) = @_;
    my ($library) = grep { -e } glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
    $library or die "there is no libfaketime here: run ./setup faults\n";
    $w->write('clock', "+0\n");
    return { LD_PRELOAD => $library, FAKETIME_TIMESTAMP_FILE => $w->file('clock'), FAKETIME_CACHE_DURATION => 1, FAKETIME_DONT_FAKE_MONOTONIC => 1, FAKETIME_DONT_RESET => 1 };
}

# At first OpenSSL refuses, then the kernel does to children that begin anew.
sub entropy {
    my ($w) = @_;
    my ($start, %n, $weak) = (time);
    for my $mode (qw(library kernel)) {
        $w->write('no-entropy', $mode);
        $w->{httpd}->signal('USR1') if $mode eq 'kernel';
        my $since = time + 1;
        sleep 2.5;
        # what began before may end well; a session is nothing but chance
        $weak += grep { $_->{start} > $since && $_->{kind} =~ /^sign-(?:in|up)$/ && $_->{outcome} eq 'ok' } $w->journal;
        unlink $w->file('no-entropy');
        $n{$mode} = -s $w->file("no-entropy.$mode");
        sleep 0.3;
    }
    return !$weak && $n{library} && $n{kernel} && seen($w, $start, "OpenSSL has refused $n{library} times, the kernel $n{kernel} times, and nobody got a session");
}

sub entropy_env {
    my ($w) = @_;
    system(qw(gcc -shared -fPIC -O1 -Wall -Wextra -Werror -o), $w->file('preload.so'), "$w->{src}/t/faults/preload.c", '-ldl') == 0 or die "gcc does not build t/faults/preload.c\n";
    return { LD_PRELOAD => $w->file('preload.so'), BA_NO_ENTROPY => $w->file('no-entropy') };
}

# For so many seconds there is no room, and meanwhile() is done once that is so; was it full?
sub fill_disk {
    my ($w, $seconds, $meanwhile) = @_;
    my $deadline = time + $seconds;
    open my $out, '>', "$w->{folder}/ballast" or die "$w->{folder}: $!\n";
    my $text = 'x' x 65536;
    my $full = 0;
    while (time < $deadline) {    # whatever is free again
        next if defined syswrite $out, $text;
        if ($!{ENOSPC} && !$full++ && $meanwhile) { $meanwhile->() }
        $text = 'x' x 512;
        sleep 0.01;
    }
    close $out;
    unlink "$w->{folder}/ballast";
    return $full;
}

sub disk_full {
    my ($w) = @_;
    my ($start, $from) = (time, $w->log_size);
    my $full = fill_disk($w, 3);
    my $n = log_count($w, $from, qr/BA0201: .*(?:full|I\/O error)/i);
    return $full && $n && seen($w, $start, "the disk was full, $n statements failed of it");
}

# Tables of InnoDB have room in their files and pages for a while: rows that nobody looks at use it up, many at a time and
# then one by one, with keys of the same kind.
sub db_disk_full {
    my ($w) = @_;
    my ($start, $from) = (time, $w->log_size);
    my $date = q{'2020-01-01 00:00:00'};
    my %columns = (
        verification => "id, identifier, value, expiresAt, createdAt, updatedAt) SELECT \@id, \@id, REPEAT('x', 200), $date, $date, $date",
        ba_mail      => "id, site, sender, recipient, message, createdAt, sentAt, attempts) SELECT \@id, '', '', '', REPEAT('x', 1000), $date, $date, 0",
    );
    my $full = fill_disk($w, 5, sub {
        for my $table (sort keys %columns) {
            my $insert = "INSERT INTO `$table` (" . $columns{$table} =~ s/\@id/TO_BASE64(RANDOM_BYTES(24))/gr . ' FROM seq_1_to_';
            my @sizes = ((map { ($_) x 10 } 1000, 100, 10), 1);
            $w->start("ballast-$table", sub {
                for (; -e "$w->{folder}/ballast"; @sizes = (1) x 50) {
                    BATest::MariaDB::_slurp_command((join ";\n", map { "$insert$_" } @sizes), qw(mariadb --no-defaults --force -uroot -S), $w->{db}->socket, 'auth');
                }
            });
        }
    });
    $w->wait_for("ballast-$_") for sort keys %columns;
    # most often the server ends of it, without room for its last words; then systemd would start it again
    my $fell = waitpid($w->{db}->pid, POSIX::WNOHANG()) == $w->{db}->pid;
    $w->{db}->start if $fell;
    $w->sql("DELETE FROM `$_` WHERE createdAt = $date") for sort keys %columns;
    my $n = log_count($w, $from, qr/BA0201: .* failed with 1114\b/);
    return $full && ($n || $fell) && seen($w, $start, "the disk was full, $n statements were told so" . ($fell ? ', and the server ended of it' : ''));
}

# --- The table --------------------------------------------------------------------------------------------------------

# Lines that mod_dbd and we write while a database is away.
my @DOWN = qw(BA0104 BA0105 BA0201 BA0202 BA0203 BA0231 BA0178 BA0714 AH00629 AH00630 AH00632 AH00633 AH00636 dbd);
my @MEMCACHED = (cache => 'memcache:127.0.0.1:@PORT@ 10', daemon => 'memcached', expected => [qw(socache BA0158 BA0159)]);
my @REDIS = (cache => 'redis:127.0.0.1:@PORT@ 10', daemon => 'redis', expected => [qw(socache BA0158 BA0159)]);
my @WIRE = (wire => 1, expected => \@DOWN);

# name, what is failing, how it is made (answers the proof), and: expected: lines of the log; answers: other than 503; within: seconds until it is
# well again, 10 if nothing is said; tmpfs: on a small file system; the rest: BATest::World
our @ALL = (
    ['db-killed', 'kill -9 of the database server', \&db_killed, expected => \@DOWN],
    ['db-frozen', 'SIGSTOP of the database server', \&db_frozen, expected => \@DOWN],
    ['db-restarted', 'the database server restarts', \&db_restarted, expected => \@DOWN],
    ['db-black-hole', 'the network to the database swallows all, then cuts', \&db_black_hole, @WIRE],
    ['db-connections', 'the database server has no connection left', \&db_connections, expected => \@DOWN],
    ['db-deadlocks', 'deadlocks', \&db_deadlocks, expected => \@DOWN],
    ['db-tables', 'each table is missing in turn', \&db_tables, expected => \@DOWN],
    ['db-read-only', 'the database takes no writes', \&db_read_only, expected => \@DOWN],
    ['db-noise', 'under load, one statement in 15 fails somehow', \&BATest::FaultsSQL::noise, @WIRE],
    ['db-errors', 'each statement of each request fails in every way', \&BATest::FaultsSQL::each_statement, @WIRE, clients => 0, cache => 'off', main => "StartServers 1\nMinSpareThreads 1\n", extra => "    BetterAuthSessionUpdateAge 0\n    BetterAuthMaxSessionsPerUser 50\n    BetterAuthChangeEmail on\n"],
    ['cache-down', 'the cache (redis) is down', \&cache_down, @REDIS],
    ['cache-frozen', 'the cache (redis) is frozen', \&cache_frozen, @REDIS],
    ['cache-garbage', 'the cache (redis) is full of garbage', \&cache_garbage, @REDIS],
    ['memcached-down', 'the cache (memcached) is down', \&cache_down, @MEMCACHED],
    ['memcached-frozen', 'the cache (memcached) is frozen', \&cache_frozen, @MEMCACHED],
    ['mail-refusing', 'the mail server is down', \&mail_refusing, expected => ['BA0711']],
    ['mail-4xx', 'the mail server says 451 to each mail', mail_does('message=451', qr/BA0711.*451/), expected => ['BA0711']],
    ['mail-5xx', 'the mail server refuses each mail for good', mail_does('message=554', qr/BA0712.*554/), expected => ['BA0712']],
    ['mail-hanging', 'the mail server says nothing any more, until it restarts', mail_does('hang=message', qr/^\S+ rcpt/, 1), expected => ['BA0711']],
    ['mail-dropping', 'the mail server takes a mail and goes without a word', mail_does('close=message', qr/BA0711/), expected => ['BA0711']],
    ['mail-cut', 'the mail server goes in the middle of a mail', mail_does('close=body', qr/BA0711/), expected => ['BA0711']],
    ['graceful', 'graceful restarts', \&graceful, expected => ['BA0711']],
    ['children-killed', 'kill -9 of children', \&children_killed, expected => []],
    ['busy', 'slow clients hold all threads', \&busy, main => BATest::Sites::load('reqtimeout'), extra => "    RequestReadTimeout header=3 body=4\n", expected => ['AH00484', 'AH10159']],
    ['descriptors', 'children can open no more files', \&descriptors, answers => [500], expected => [@DOWN, 'BA0711', 'BA0720', 'Too many open files']],
    ['threads', 'no new thread or process', \&threads, within => 20, expected => [qw(BA0710 AH00159 AH00481)]],
    ['clock', 'the clock jumps by hours, while the database restarts', \&clock, env => \&clock_env, within => 15, expected => \@DOWN],
    ['entropy', 'there is no chance to be had', \&entropy, env => \&entropy_env, answers => [500], expected => [qw(BA0352 BA0403 BA0422 BA0604 BA0703)]],
    ['db-disk-full', 'the disk is full under MariaDB', \&db_disk_full, tmpfs => '160m', expected => \@DOWN],
    ['disk-full', 'the disk is full under SQLite', \&disk_full, dialect => 'sqlite', tmpfs => '6m', expected => [qw(BA0201 BA0231 BA0714)]],
);

1;
