#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Few passwords are hashed at a time on the whole server, others wait, too many are sent away; a killed child gives its
# place back, and httpd leaves no semaphore behind.
use strict;
use warnings;
use BATest -own;
use Time::HiRes qw(time sleep);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $SITE = 'hash-gate';

# On MariaDB: a child that is killed may leave SQLite's file locked until the kernel has done away with it.
my $database = 'hash_gate_' . flavour();
mariadb()->create($database, schema('mysql'));

# A hash of about a second: long enough to be killed in.
my $httpd = private_httpd(name => $SITE, mariadb => mariadb(), database => $database, main => "BetterAuthHashConcurrency 2 4\n",
    extra => "    BetterAuthPasswordHash argon2id m=65536 t=10 p=1\n");
is(semaphores($httpd), 1, 'one semaphore');

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
    is($count{200} // 0, 6, 'two at work and four in the queue succeed') or diag explain \@said;
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

subtest 'children killed while they hash' => sub {
    for my $round (1 .. 4) {    # more often than there are places
        my $pid = fork // die;
        if (!$pid) { parallel(4, sub { up_in("killed$round") // 'none' }); POSIX::_exit(0) }
        sleep $one / 2;
        my @children = $httpd->children;
        kill KILL => @children;
        waitpid $pid, 0;
        my $deadline = time + 15;
        my $answer;
        do { sleep 0.1; $answer = request($SITE, GET => '/api/auth/ok') } until $answer || time > $deadline;
        ok($answer, "round $round: new children serve");
    }
    # with a place lost to the dead, one of them would wait its time out and get 503
    my @said = parallel(2, sub { up_in('after') });
    is_deeply(\@said, [200, 200], 'both places are free again');
};

subtest 'a restart keeps the gate' => sub {
    my $pid = fork // die;
    if (!$pid) { parallel(2, sub { up_in('old') }); POSIX::_exit(0) }
    sleep $one / 3;
    $httpd->signal('USR1');
    sleep 0.3;
    is(up_in('new'), 200, 'a sign-up after a graceful restart');
    waitpid $pid, 0;
    is(semaphores($httpd), 1, 'no second semaphore');
};

$httpd->stop;
is(semaphores($httpd), 0, 'the semaphore is gone with httpd');
my @other = grep { !/\bAH0005[12]\b|\bAH00045\b|\bBA\d{4}\b/ } log_lines($httpd->error_log);
is(scalar @other, 0, 'the log knows no trouble but the killed') or diag @other;

done_testing;
