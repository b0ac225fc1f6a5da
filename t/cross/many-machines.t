#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Several httpds on one database: when one sees what another, a Node server or SQL has ended. What docs/many-machines.md
# promises for each kind of cache; for redis and memcache, t/cross/session-cache.t has the rest.
use strict;
use warnings;
use BATest -own;
use BATest::Daemon;
use BATest::Sites;
use Time::HiRes qw(sleep time);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};
expect_log('AH', 'BA01');    # of httpds that stop, or find no redis

my $LIFETIME = 2;
my $db = mariadb();
my $DATABASE = 'ba_many_' . flavour();
$db->create($DATABASE, schema('mysql'));
my $state = BATest::state();

sub page { my ($site, $cookie) = @_; return request($site, GET => '/members/page.html', cookie => $cookie)->{status} }
sub sign_in { my ($site, $user) = @_; return cookie_header(post($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD })) }
sub by_sql { my ($site, $cookie) = @_; my ($token) = $cookie =~ /session_token=([^.;]+)/; $db->sql("DELETE FROM session WHERE token = '$token'", $DATABASE); return 200 }
sub by_sign_out { my ($site, $cookie) = @_; return post($site, '/sign-out', {}, cookie => $cookie)->{status} }

# Seconds until nobody who asks there is let in, of one who was, 0 if that is so at once; undef: not within twice the lifetime. The database knows at once.
sub seen_after {
    my ($site, $cookie) = @_;
    my ($begin, $rounds) = (time, 0);
    while (time - $begin < 2 * $LIFETIME + 1) {
        my @said = map { page($site, $cookie) } 1 .. 6;    # of several children
        return $rounds && time - $begin unless grep { $_ != 401 } @said;
        $rounds++;
        sleep 0.1;
    }
    return undef;
}

sub ends {
    my ($users, $end, $at, $seen_by, $promise, $name) = @_;
    my $cookie = sign_in($at, $users);
    is(page($_, $cookie), 200, "$name: known") for ($at, $seen_by) x 3;
    is($end->($at, $cookie), 200, "$name: ended");
    my $after = seen_after($seen_by, $cookie);
    ok(defined $after && $after <= $promise, sprintf "%s: over within %s", $name, $promise < 1 ? 'no time' : "$promise s")
        or diag defined $after ? "after $after s" : 'not at all';
}

my @KINDS = grep { BATest::Daemon::program($_->[1]) } (['redis', 'redis-check-rdb'], ['memcached', 'memcached']);
my %daemon = map { $_->[0] => BATest::Daemon->new(kind => $_->[0], dir => "$state->{workdir}/many-$_->[0]-" . flavour(), port => free_port()) } @KINDS;
my %provider = (redis => 'redis', memcached => 'memcache');
my $dead = free_port();

# A machine has one virtual host for each kind of cache.
sub machine {
    my ($name, %cache) = @_;
    my $hosts = join '', map {
        BATest::Sites::vhost("$name-$_", mariadb => $db, database => $DATABASE, cache => "BetterAuthSessionCache $cache{$_}[0]", extra => $cache{$_}[1])
    } sort keys %cache;
    private_httpd(name => $name, mariadb => $db, database => $DATABASE, main => BATest::Sites::load(map { "socache_$_" } values %provider) . $hosts);
}
for my $name (qw(one two)) {
    machine($name, off => ['off'], shmcb => ["shmcb:many-$name(1048576) $LIFETIME"], cookie => ['off', "    BetterAuthCookieCache compact $LIFETIME\n"],
        map { $_ => ["$provider{$_}:127.0.0.1:$daemon{$_}{port} $LIFETIME"] } keys %daemon);
}
machine('cut', map { $_ => ["$provider{$_}:127.0.0.1:$dead $LIFETIME"] } keys %daemon) if %daemon;

# what is promised to come at once is seen by the first round of questions
my ($AT_ONCE, $LATER) = (0, $LIFETIME + 1);

subtest 'no cache' => sub {
    my $user = sign_up('one-off');
    ends($user, \&by_sign_out, 'one-off', 'two-off', $AT_ONCE, 'signed out on another machine');
    ends($user, \&by_sql, 'one-off', 'two-off', $AT_ONCE, 'deleted by SQL or a Node server');
};

subtest 'shmcb, on each machine its own' => sub {
    my $user = sign_up('one-shmcb');
    ends($user, \&by_sign_out, 'one-shmcb', 'one-shmcb', $AT_ONCE, 'signed out on this machine');
    ends($user, \&by_sign_out, 'one-shmcb', 'two-shmcb', $LATER, 'on another machine');
    ends($user, \&by_sql, 'one-shmcb', 'one-shmcb', $LATER, 'deleted by SQL or a Node server');
};

for my $kind (sort keys %provider) {
    subtest $kind => sub {
        $daemon{$kind} or plan skip_all => "there is no $kind here";
        my $user = sign_up("one-$kind");
        ends($user, \&by_sign_out, "one-$kind", "two-$kind", $AT_ONCE, 'signed out on another machine');
        ends($user, \&by_sql, "one-$kind", "two-$kind", $LATER, 'deleted by SQL or a Node server');
        ends($user, \&by_sign_out, "cut-$kind", "two-$kind", $LATER, 'on a machine that cannot reach the cache');
    };
}

subtest 'the cookie cache' => sub {
    my $user = sign_up('one-cookie');
    # the cookies of the sign-in are kept, as somebody would who has copied them
    ends($user, \&by_sign_out, 'one-cookie', 'two-cookie', $LATER, 'signed out on another machine');
    ends($user, \&by_sql, 'one-cookie', 'two-cookie', $LATER, 'deleted by SQL or a Node server');
};

done_testing;
