# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Sign-ins, as many as there can be, and what they leave to those who read pages meanwhile.

use strict;
use warnings;
use Bench;
use List::Util qw(max);
use POSIX ();
use Time::HiRes qw(sleep);

my $CLIENTS = 64;           # at sign-in with argon2id
my $FEWER   = 16;           # with scrypt: at 64, npm on busy cores answered nobody for six seconds
my $PAGES   = 8;            # who read pages meanwhile
my $LONG    = 3 * $SECONDS;

database();
httpd('httpd', sites => { argon2id => '', scrypt => 'BetterAuthPasswordHash scrypt' });
npm('npm', workers => $CORES);

my %cookie = map { $_ => sign_up($port{$_}, "$_\@example.com") } qw(argon2id scrypt);
my $idle = memory($pid{httpd});
my ($peak, @busy);

# Sign-ins whose client has gone are still worked off. The next number starts when that is over, with a small table.
sub settle {
    my ($before, $now) = (-1, 0);
    while ($before != $now) {
        $before = $now;
        sleep 0.4;
        $now = ($mariadb->sql('SELECT COUNT(*) FROM session', 'bench'))[0][0];
    }
    my ($token) = $cookie{argon2id} =~ /=([^.]+)\./;
    $mariadb->sql("DELETE FROM session WHERE token <> '$token'", 'bench');
    return;
}

sub sign_ins {
    my ($site, $clients, $email) = @_;
    my @result = wrk($clients, $port{$site}, '/api/auth/sign-in/email', sign_in_script($email), seconds => $LONG);
    my $memory = memory($pid{httpd});
    $peak = $memory if $site ne 'npm' && (!$peak || $memory->{mib} > $peak->{mib});
    settle();
    return @result;
}

# Pages for a while; what runs meanwhile began a second before.
sub pages { return wrk($PAGES, $port{argon2id}, '/members/page.html', "-H 'Cookie: $cookie{argon2id}'") }

sub pages_in_storm {
    my $seconds = $SECONDS + 2;
    my $script = sign_in_script('argon2id@example.com');
    start(storm => "$work/storm.log", 'sh', '-c', "exec wrk -t1 -c$CLIENTS -d${seconds}s --timeout 20s $script "
        . "http://127.0.0.1:$port{argon2id}/api/auth/sign-in/email");
    sleep 1;
    my @result = pages();
    my $memory = memory($pid{httpd});
    $peak = $memory if !$peak || $memory->{mib} > $peak->{mib};
    waitpid delete $pid{storm}, 0;
    settle();
    return @result;
}

sub pages_and_loops {
    for my $n (1 .. $CORES) {
        my $pid = fork // die "fork: $!";
        if (!$pid) { setpgrp; local $SIG{TERM} = 'DEFAULT'; alarm $SECONDS + 10; 1 while 1 }
        $pid{"loop$n"} = $pid;
    }
    sleep 1;
    my @result = pages();
    stop(map { "loop$_" } 1 .. $CORES);
    return @result;
}

rounds(
    sign_in    => sub { sign_ins('argon2id', $CLIENTS, 'argon2id@example.com') },
    bare       => sub { argon2_rate(2 * $SECONDS) },
    scrypt     => sub { sign_ins('scrypt', $FEWER, 'scrypt@example.com') },
    npm_scrypt => sub { sign_ins('npm', $FEWER, 'scrypt@example.com') },
    storm      => \&pages_in_storm,
    loops      => \&pages_and_loops,
    calm       => \&pages,
);

describe("Sign-ins run for $LONG s, libargon2 for @{[2 * $SECONDS]} s. $CLIENTS clients sign in, $FEWER with scrypt; $PAGES read pages "
    . "meanwhile. npm has\none process per core. argon2id with 19 MiB and two passes.\n");
table(
    ["sign-ins, argon2id ÷ libargon2 alone on all cores", 'sign_in', 'bare', '0.90'],
    ['sign-ins ÷ npm, both scrypt', 'scrypt', 'npm_scrypt', '1.5'],
    ["guarded page while $CLIENTS clients sign in ÷ while $CORES busy loops run", 'storm', 'loops', '0.9, 50 ms'],
    ['guarded page while they sign in ÷ while nothing else runs', 'storm', 'calm'],
);
my $bound = $CORES * 19 + 40;
printf "\nMemory of the server: %s idle, %s at most. Bound: %d hashes at a time of 19 MiB, and 40 MiB more than idle: %.0f MiB.\n",
    memory_text($idle), memory_text($peak), $CORES, $idle->{mib} + $bound;
report_log('httpd');
1;
