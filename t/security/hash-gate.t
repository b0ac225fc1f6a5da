#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Few passwords are hashed at a time on the whole server, others wait in a fair queue, too many are sent away, and who has
# gone is not hashed for. Neither kill -9 nor a graceful restart loses or doubles a place; httpd leaves no semaphore behind.
use strict;
use warnings;
no warnings q(portable);    # addresses
use BATest -own;
use BATest::Sites;
use IO::Socket::INET ();
use IPC::SysV qw(GETNCNT GETVAL);
use Time::HiRes qw(time sleep);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $SITE = 'hash-gate';

# On MariaDB: a child that is killed may leave SQLite's file locked until the kernel has done away with it.
my $database = 'hash_gate_' . flavour();
mariadb()->create($database, schema('mysql'));

# What a graceful restart may change. Each hash takes 64 MiB; ten passes are long enough to be killed in.
my $CONF = BATest::state()->{workdir} . "/$SITE-" . flavour() . '.conf';

sub configure {
    my ($concurrency, $passes) = @_;
    open my $out, '>', $CONF or die "$CONF: $!";
    print {$out} $concurrency ? "BetterAuthHashConcurrency $concurrency\n" : (), "BetterAuthPasswordHash argon2id m=65536 t=$passes p=1\n";
    close $out or die "$CONF: $!";
}

# Places that are free, and how many wait, as the kernel says.
sub kernel { my ($id) = @_; return map { 0 + semctl $id, 0, $_, 0 } GETVAL, GETNCNT }

# How many hashes run, whatever the gate believes: their memory alone is asked to be of huge pages ("hg"). Two looks, since
# one is not taken of all children at once: what both saw was there between them.
sub hashing {
    my ($httpd) = @_;
    my $look = sub {
        my %seen;
        for my $pid ($httpd->children) {
            open my $in, '<', "/proc/$pid/smaps" or next;
            my ($at, $end);
            while (<$in>) {
                if (/^([0-9a-f]+)-([0-9a-f]+) /) { ($at, $end) = (hex $1, hex $2) }
                elsif (/^VmFlags:.* hg\b/) { $seen{"$pid $_"} = 1 for map { $at + $_ * 67108864 } 0 .. ($end - $at) / 67108864 - 1 }
            }
        }
        return \%seen;
    };
    my ($one, $two) = ($look->(), $look->());
    return scalar grep { $two->{$_} } keys %$one;
}

configure('2 4', 10);
my $httpd = private_httpd(name => $SITE, mariadb => mariadb(), database => $database, main => "Include $CONF\n" . BATest::Sites::load('http2'),
    extra => "    Protocols h2c http/1.1\n");

# Those semaphores that this httpd has made and that are still there.
sub made {
    open my $log, '<', $httpd->error_log or die;
    my %ours = map { $_ => 1 } map { /BA0107: .* semaphore (\d+)/ } <$log>;
    open my $in, '<', '/proc/sysvipc/sem' or die;
    return grep { $ours{$_} } map { (split)[1] } <$in>;
}
my @made = made();
is(scalar @made, 1, 'one semaphore');

sub up_in { my ($n) = @_; my $a = post($SITE, '/sign-up/email', { name => 'x', email => "u$n-" . new_email(), password => PASSWORD }); return $a ? $a->{status} : 'none' }

my $start = time;
is(up_in('first'), 200, 'a sign-up');
my $one = time - $start;
note sprintf 'one hash takes %.2f s', $one;
cmp_ok($one, '>', 0.15, 'a hash takes its time') or diag $one;

subtest 'a storm' => sub {
    my @said = parallel(15, sub {
        my ($n) = @_;
        my $start = time;
        return sprintf('%s %.2f', up_in($n), time - $start) if $n < 15;
        sleep $one / 2;
        $start = time;
        my $answer = request($SITE, GET => '/api/auth/get-session', cookie => 'better-auth.session_token=' . signed('x' x 32));
        return sprintf 'session %s %.2f', $answer->{status}, time - $start;
    });
    my ($session) = grep { /^session/ } @said;
    my %count;
    $count{ (split)[0] }++ for grep { !/^session/ } @said;
    is(($count{200} // 0) + ($count{503} // 0), 14, 'is answered with 200 or 503') or diag explain \@said;
    # who comes when the first two are done finds their places free
    ok(($count{200} // 0) >= 6 && ($count{200} // 0) <= 8, 'two at work and four in the queue succeed') or diag explain \@said;
    my ($status, $took) = (split / /, $session)[1, 2];
    is($status, 200, 'session checks are answered meanwhile');
    cmp_ok($took, '<', 3, 'without waiting for the queue');
    my $refused = (grep { /^503/ } @said)[0] // '503 99';
    cmp_ok((split / /, $refused)[1], '<', $one, 'who is refused is refused at once');
};

subtest 'refused with Retry-After' => sub {
    my @said = parallel(10, sub {
        my $a = post($SITE, '/sign-in/email', { email => 'nobody@example.com', password => PASSWORD });
        return join ' ', $a->{status}, header($a, 'retry-after') // '-', header($a, 'content-type') // '-';
    });
    my @refused = grep { /^503/ } @said;
    ok(scalar @refused, 'some are') or diag explain \@said;
    like($_, qr{^503 \d+ application/json$}, 'a 503 names a time') for @refused[0 .. 0];
    is(scalar(grep { !/^(?:401|503) / } @said), 0, 'the others are wrong passwords');
};

subtest 'who has gone costs no hash' => sub {
    my $count = user_count($SITE);
    my $json = '{"name":"x","email":"%s","password":"' . PASSWORD . '"}';
    my $pid = fork // die;
    if (!$pid) { parallel(2, sub { up_in("ahead$_[0]") }); POSIX::_exit(0) }
    my $deadline = time + 5;
    sleep 0.02 until (kernel($made[0]))[0] == 0 || time > $deadline;
    my $port = BATest::_site($SITE)->{port};
    my @gone = map {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die;
        my $body = sprintf $json, "gone$_-" . new_email();
        my $more = $_ == 1 ? '' : "GET / HTTP/1.1\r\n";    # unread data in front of the end
        print {$socket} "POST /api/auth/sign-up/email HTTP/1.1\r\nHost: auth.test\r\nContent-Type: application/json\r\nContent-Length: ", length $body, "\r\n\r\n$body$more";
        $socket->flush;
        $socket;
    } 1, 2;
    my $curl = fork // die;
    if (!$curl) {
        open STDOUT, '>', '/dev/null';
        exec 'curl', '-s', '--http2-prior-knowledge', '-H', 'Content-Type: application/json', '-d', sprintf($json, 'gone3-' . new_email()), "http://127.0.0.1:$port/api/auth/sign-up/email";
    }
    sleep 0.02 until (kernel($made[0]))[1] == 3 || time > $deadline;
    is((kernel($made[0]))[1], 3, 'three wait: HTTP/1, HTTP/1 with more to come, HTTP/2');
    close $_ for @gone;
    kill KILL => $curl;
    waitpid $_, 0 for $curl, $pid;
    sleep 0.02 until (kernel($made[0]))[0] == 2 || time > $deadline + 10;
    sleep 0.2;
    is(user_count($SITE, q{email LIKE 'gone%'}), 0, 'and none of them got an account');
    is(user_count($SITE), $count + 2, 'those ahead of them did');
};

# Clients that do nothing but sign up, for some seconds; what they were told does not count.
sub storm {
    my ($seconds) = @_;
    my $end = time + $seconds;
    my $pid = fork // die;
    if (!$pid) { parallel(8, sub { my ($n) = @_; my $i = 0; while (time < $end) { up_in("storm$n-" . ++$i) } '' }); POSIX::_exit(0) }
    return sub { waitpid $pid, 0 };
}

# All at rest: as many places as there should be, nobody waits.
sub at_rest {
    my ($places, $name) = @_;
    my $deadline = time + 20;
    sleep 0.1 until "@{[kernel($made[0])]}" eq "$places 0" || time > $deadline;
    is("@{[kernel($made[0])]}", "$places 0", $name);
}

subtest 'children killed and restarted under load' => sub {
    configure('2 4', 3);
    $httpd->signal('USR1');
    my $over = storm(6);
    my ($end, $round, %seen) = (time + 5, 0);
    while (time < $end) {
        $seen{ hashing($httpd) }++ for 1 .. 6;
        my @children = $httpd->children;
        if (++$round % 3) { kill KILL => $children[ rand @children ] if @children }
        else { $httpd->signal('USR1') }
    }
    $over->();
    note explain { rounds => $round, hashing => \%seen };
    ok((grep { $_ == 2 } keys %seen), 'two hashes at a time') if -e '/sys/kernel/mm/transparent_hugepage';
    ok(!(grep { $_ > 2 } keys %seen), 'and never more') or diag explain \%seen;
    at_rest(2, 'no place is lost, none doubled');
    is_deeply([parallel(2, sub { up_in('after') })], [200, 200], 'and both are good');
};

subtest 'other numbers by a graceful restart' => sub {
    my $over = storm(5);
    my %seen;
    sleep 0.5;
    for my $step ([3, 1], [1, 2]) {
        configure("$step->[0] 4", 3);
        $httpd->signal('USR1');
        sleep $step->[1];    # until what was begun before is over
        my $end = time + 0.8;
        while (time < $end) { $seen{ $step->[0] }{ hashing($httpd) }++ }
    }
    $over->();
    note explain \%seen;
    ok(!(grep { $_ > 3 } keys %{ $seen{3} }), 'three at most, the old generation included') or diag explain \%seen;
    ok(!(grep { $_ > 1 } keys %{ $seen{1} }), 'then one') or diag explain \%seen;
    at_rest(1, 'one place is left');
    is_deeply([made()], \@made, 'it is the same semaphore');
};

$httpd->stop;
is_deeply([made()], [], 'the semaphore is gone with httpd');

subtest 'the default: as many as the processors that httpd may run on' => sub {
    configure(undef, 3);
    my ($mask) = qx{taskset -p $$} =~ /: (\w+)/;
    my ($first) = qx{taskset -cp $$} =~ /: (\d+)/;
    ok(defined $first, 'processors') or return;
    qx{taskset -cp $first $$};    # httpd inherits it
    ok($httpd->start_again, 'httpd starts on one processor');
    qx{taskset -p $mask $$};
    my $deadline = time + 15;
    sleep 0.1 until request($SITE, GET => '/api/auth/ok') || time > $deadline;
    is("@{[map { (kernel($_))[0] } made()]}", 1, 'one place, of one semaphore');
    $httpd->stop;
};

my @other = grep { !/\bAH0005[12]\b|\bAH00045\b|\bAH10392\b|\bBA\d{4}\b/ } log_lines($httpd->error_log);
is(scalar @other, 0, 'the log knows no trouble but the killed') or diag @other;

done_testing;
