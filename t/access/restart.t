#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Graceful restarts under load: sessions go on, nobody sees a 5xx, and semaphores neither pile up nor stay behind.
use strict;
use warnings;
use BATest -own;
use Time::HiRes qw(time sleep);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $SITE = 'restart';
my $ROUNDS = 4;

my $db = private_mariadb($SITE);
$db->create('restart', schema('mysql'));
my $httpd = private_httpd(name => $SITE, mariadb => $db, database => 'restart', cache => '# the default cache', main => "BetterAuthHashConcurrency 2 64\nMutex sysvsem betterauth-cache\n", extra => "    DBDMax 4\n");
my $user = sign_up($SITE);
is(request($SITE, GET => '/members/page.html', cookie => $user->{cookie})->{status}, 200, 'a session');
is(semaphores($httpd), 1, 'one semaphore');
my %generation = map { $_ => 1 } $httpd->children;

# Six clients for as long as the restarts take: four read, two sign in and out.
my $stop = BATest::state()->{workdir} . '/restart-stop-' . flavour();
my $pid = fork // die "fork: $!";
if (!$pid) {
    $SIG{TERM} = 'DEFAULT';
    open my $out, '>', "$stop.said" or POSIX::_exit(1);
    my @said = parallel(6, sub {
        my ($n) = @_;
        my (%count, @odd);
        my $until = time + 60;
        my $note = sub {
            my ($what, $want, $answer) = @_;
            my $got = $answer ? $answer->{status} : 'closed';
            $count{$got}++;
            push @odd, "$what: $got" . ($answer ? " $answer->{body}" : '') if $got ne $want;
            return $answer;
        };
        until (-e $stop || time > $until) {
            if ($n <= 2) {
                # not a program: while httpd starts its CGI daemon anew, mod_cgid itself answers 503
                my $page = $note->('page', 200, request($SITE, GET => '/guarded/echo', cookie => $user->{cookie}));
                push @odd, 'somebody else' if $page && ($page->{body} // '') !~ /"X-Auth-Email","\Q$user->{email}"/;
            }
            elsif ($n <= 4) {
                my $session = $note->('get-session', 200, request($SITE, GET => '/api/auth/get-session', cookie => $user->{cookie}));
                push @odd, 'no session' if $session && !$session->{json};
                $note->('anonymous', 401, request($SITE, GET => '/members/page.html'));
            }
            else {
                my $in = $note->('sign-in', 200, post($SITE, '/sign-in/email', { email => $user->{email}, password => PASSWORD })) or next;
                my $cookie = cookie_header($in);
                $note->('own page', 200, request($SITE, GET => '/members/page.html', cookie => $cookie));
                $note->('sign-out', 200, post($SITE, '/sign-out', {}, cookie => $cookie));
                $note->('after sign-out', 401, request($SITE, GET => '/members/page.html', cookie => $cookie));
            }
        }
        return JSON::PP->new->encode({ count => \%count, odd => [@odd[0 .. ($#odd > 9 ? 9 : $#odd)]] }) . "\n";
    });
    print {$out} @said;
    close $out;
    POSIX::_exit(0);
}

sleep 1;
for my $round (1 .. $ROUNDS) {
    my %old = map { $_ => 1 } $httpd->children;
    $httpd->signal('USR1');
    my $deadline = time + 15;
    sleep 0.1 until (grep { !$old{$_} } $httpd->children) || time > $deadline;
    sleep 0.7;
    ok((grep { !$old{$_} } $httpd->children), "round $round: new children");
    is(semaphores($httpd), 1, "round $round: still one semaphore");
    is(request($SITE, GET => '/members/page.html', cookie => $user->{cookie})->{status}, 200, "round $round: the session goes on");
}
open my $flag, '>', $stop or die;
close $flag;
waitpid $pid, 0;
open my $in, '<', "$stop.said" or die;
my @said = map { JSON::PP->new->decode($_) } grep { /^\{/ } <$in>;
is(scalar @said, 6, 'all clients told');
my (%sum, @odd);
for my $one (@said) { $sum{$_} += $one->{count}{$_} for keys %{ $one->{count} }; push @odd, @{ $one->{odd} } }
note join ', ', map { "$sum{$_} times $_" } sort keys %sum;
cmp_ok($sum{200} // 0, '>', 50, 'there was load');
is_deeply(\@odd, [], 'every answer was the expected one') or diag explain \@odd;
is((scalar grep { $generation{$_} } $httpd->children), 0, 'no child of the first generation is left');
is(($db->sql('SELECT COUNT(*) FROM session', 'restart'))[0][0], 1, 'only the first session is left');

subtest 'another number of hashes' => sub {
    my $conf = "$httpd->{dir}/conf/sites.conf";
    my $text = do { open my $old, '<', $conf or die; local $/; <$old> };
    my $rewrite = sub { open my $out, '>', $conf or die; print {$out} $text =~ s/HashConcurrency \d+/HashConcurrency $_[0]/r; close $out };
    for my $n (3, 1, 2) {
        $rewrite->($n);
        my %old = map { $_ => 1 } $httpd->children;
        $httpd->signal('USR1');
        my $deadline = time + 15;
        sleep 0.1 until !(grep { $old{$_} } $httpd->children) || time > $deadline;
        is(post($SITE, '/sign-in/email', { email => $user->{email}, password => PASSWORD })->{status}, 200, "$n at a time: sign-in");
        is(request($SITE, GET => '/members/page.html', cookie => $user->{cookie})->{status}, 200, "$n at a time: the session goes on");
    }
};

# A request that has begun is the old children's to end, with the cache they have had.
subtest 'a slow request' => sub {
    my %old = map { $_ => 1 } $httpd->children;
    my @slow = map { BATest::_connect($SITE) } 1 .. 4;
    for (@slow) { print {$_} "GET /members/page.html HTTP/1.1\r\nHost: auth.test\r\n"; $_->flush }
    sleep 0.5;
    $httpd->signal('USR1');
    my $deadline = time + 15;
    sleep 0.1 until (grep { !$old{$_} } $httpd->children) || time > $deadline;
    sleep 0.5;
    ok((grep { $old{$_} } $httpd->children), 'an old child is still there');
    for my $socket (@slow) {
        print {$socket} "Cookie: $user->{cookie}\r\nConnection: close\r\n\r\n";
        $socket->flush;
        my $answer = <$socket> // 'none';
        like($answer, qr{^HTTP/1.1 200}, 'and answers');
    }
};

$httpd->signal('HUP');
sleep 0.5;
my $deadline = time + 10;
my $after;
do { sleep 0.1; $after = request($SITE, GET => '/members/page.html', cookie => $user->{cookie}) } until $after || time > $deadline;
is($after && $after->{status}, 200, 'the session outlives a hard restart');
$httpd->stop;
is(semaphores($httpd), 0, 'no semaphore is left');
# AH00051: a child is killed that takes too long to go
my @lines = grep { !/\bAH0005[12]\b|\bAH00045\b/ } log_lines($httpd->error_log);
is(scalar @lines, 0, 'the log knows no trouble') or diag join "\n", @lines;
$db->stop;
done_testing;
