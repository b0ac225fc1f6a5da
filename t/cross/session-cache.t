#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# BetterAuthSessionCache that two machines share: what one revokes, the other refuses at once; what the cache says is not taken on trust.
use strict;
use warnings;
use BATest -own;
use BATest::Daemon;
use BATest::Sites;
use Time::HiRes qw(sleep time);

expect_private_log(qw(AH00790 AH00791 AH03478 AH03479 AH03480));    # garbage in the cache

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $db = private_mariadb('shared-session-cache');
$db->create('shared', schema('mysql'));
my $state = BATest::state();
my $EXTRA = "    BetterAuthDeleteUser on\n";

sub page { my ($site, $cookie) = @_; return request($site, GET => '/members/page.html', cookie => $cookie)->{status} }
sub sign_in { my ($site, $user) = @_; return cookie_header(post($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD })) }
sub executed { return ($db->sql(q{SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'}))[0][1] }

# A line of redis's or memcached's own language, and what comes back.
sub say_to {
    my ($daemon, $text) = @_;
    my $socket = $daemon->connect or die;
    print {$socket} "$text\r\n";
    my $said = <$socket>;
    return $said;
}

my @ENDS = (
    ['sign-out', sub { my ($site, $cookie) = @_; post($site, '/sign-out', {}, cookie => $cookie) }],
    ['revoke-session', sub { my ($site, $cookie, $other) = @_; post($site, '/revoke-session', { token => $cookie =~ /=([^.;]+)\./ }, cookie => $other) }],
    ['revoke-other-sessions', sub { my ($site, $cookie, $other) = @_; post($site, '/revoke-other-sessions', {}, cookie => $other) }],
    ['change-password', sub { my ($site, $cookie, $other) = @_;
        post($site, '/change-password', { currentPassword => PASSWORD, newPassword => PASSWORD, revokeOtherSessions => \1 }, cookie => $other) }],
    ['delete-user', sub { my ($site, $cookie, $other) = @_; post($site, '/delete-user', { password => PASSWORD }, cookie => $other) }],
);

for my $kind (qw(redis memcached)) {
    subtest $kind => sub {
        BATest::Daemon::program($kind eq 'redis' ? 'redis-check-rdb' : 'memcached') or plan skip_all => "there is no $kind here";
        my $daemon = BATest::Daemon->new(kind => $kind, dir => "$state->{workdir}/$kind-" . flavour(), port => free_port());
        my $provider = $kind eq 'redis' ? 'redis' : 'memcache';
        my @nodes;
        for my $number (qw(one two)) {    # not map: Apache::Test writes to $_
            my $name = "$kind-$number";
            my $node = private_httpd(name => $name, mariadb => $db, database => 'shared', extra => $EXTRA,
                cache => "BetterAuthSessionCache $provider:127.0.0.1:$daemon->{port} 30", main => BATest::Sites::load("socache_$provider"));
            push @nodes, [$name, $node];
        }
        my ($one, $two) = map { $_->[0] } @nodes;
        my $user = sign_up($one);
        my $cookie = sign_in($one, $user);

        is_deeply([map { page($_, $cookie) } $one, $two], [200, 200], 'signed in on one, known on the other');
        my $before = executed();
        is_deeply([map { page($_, $cookie) } ($one, $two) x 10], [(200) x 20], 'twenty pages');
        cmp_ok(executed() - $before, '<=', 4, 'without the database');

        is(post($two, '/update-user', { name => 'Zoe' }, cookie => $cookie)->{status}, 200, 'a change on one');
        is(request($_, GET => '/api/auth/get-session', cookie => $cookie)->{json}{user}{name}, 'Zoe', "is seen on $_") for $one, $two;

        for my $row (@ENDS) {
            my ($name, $end) = @$row;
            $user = sign_up($one);
            my ($going, $other) = map { sign_in($one, $user) } 1 .. 2;
            page($_, $going) for $two, $one;
            is($end->($one, $going, $other)->{status}, 200, "$name on one machine");
            is_deeply([map { page($_, $going) } $two, $one, $two], [401, 401, 401], "$name: over on both");
        }

        # slow readers: while one node revokes, the other reads, again and again
        my $late = 0;
        for (1 .. 10) {
            $user = sign_up($one) if $_ % 5 == 1;
            my $going = sign_in($one, $user);
            my @pids = map { my $pid = fork // die; if (!$pid) { page($two, $going) for 1 .. 6; POSIX::_exit(0) } $pid } 1 .. 3;
            post($one, '/sign-out', {}, cookie => $going);
            waitpid $_, 0 for @pids;
            $late += grep { page($two, $going) != 401 } 1 .. 3;
        }
        is($late, 0, 'who reads while another revokes brings nothing back');

        if ($kind eq 'redis') {
            # what somebody else has put there
            my $mallory = sign_up($one);
            my ($victim, $thief) = map { sign_in($one, $_) } sign_up($one), $mallory;
            page($one, $_) for $victim, $thief;
            my $keys = qx{redis-cli -p $daemon->{port} --no-raw keys '*'};
            my @keys = $keys =~ /^\s*\d+\) (".*")$/mg;
            cmp_ok(scalar @keys, '>=', 2, 'entries');
            my @values = map { scalar qx{printf '%s' 'GET $_' | redis-cli -p $daemon->{port} --no-raw} =~ s/\n\z//r } @keys;
            my ($good) = grep { $values[$_] =~ /\Q$mallory->{email}/ } 0 .. $#keys;
            ok(defined $good, 'one of them is known by its address');
            for my $i (0 .. $#keys) {
                next if length $values[$i] < 50;
                open my $to, '|-', "redis-cli -p $daemon->{port} >/dev/null" or die;
                print {$to} "SET $keys[$i] $values[$good] EX 30\n";
                close $to;
            }
            my $said = request($one, GET => '/api/auth/get-session', cookie => $victim);
            isnt($said->{json}{user}{email}, $mallory->{email}, "another's entry is not believed");
            is(page($one, $victim), 200, 'and the database is asked');
            for my $junk ('x', 'x' x 40, 'x' x 5000) {
                open my $to, '|-', "redis-cli -p $daemon->{port} >/dev/null" or die;
                print {$to} "SET $_ $junk EX 30\n" for @keys;
                close $to;
                is_deeply([map { page($_, $victim) } $one, $two], [200, 200], length($junk) . ' bytes of anything else');
            }
        }

        $user = sign_up($one);
        $cookie = sign_in($one, $user);
        page($_, $cookie) for $one, $two;
        $daemon->stop;
        is_deeply([map { page($_, $cookie) } ($one, $two) x 3], [(200) x 6], 'the cache is gone: the database is asked');
        is(post($one, '/sign-out', {}, cookie => $cookie)->{status}, 200, 'sign-out');
        is_deeply([map { page($_, $cookie) } $one, $two], [401, 401], 'is seen by both');
        $_->[1]->stop for @nodes;
    };
}

done_testing;
