#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# BetterAuthSessionCache on one machine: no question to the database while an entry is good, and none believed after a revocation.
use strict;
use warnings;
use BATest -own;
use BATest::Httpd;
use Time::HiRes qw(sleep time);

expect_private_log(qw(AH01630));    # a place that is closed to all

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $db = private_mariadb('session-cache');
$db->create('cache', schema('mysql'));
my $EXTRA = <<'END';
    <Location "/verified">
        AuthType Session
        AuthName "Verified"
        Require betterauth email-verified
    </Location>
    BetterAuthDeleteUser on
    BetterAuthSessionUpdateAge 1d
END

# Statements that others than root run while code does; the background task's pause is longer than that.
sub statements {
    my ($code) = @_;
    my $count = sub { my %of = map { @$_ } $db->sql(q{SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_stmt_execute', 'Com_insert', 'Com_update', 'Com_delete')}); my $n = 0; $n += $_ for values %of; $n };
    my $before = $count->();
    $code->();
    return $count->() - $before;
}

# Behind the server's back.
sub change { my ($site, $sql) = @_; return $site =~ /mysql/ ? $db->sql($sql, 'cache') : sql($site, $sql) }
sub session { my ($site, $cookie, $query) = @_; return request($site, GET => '/api/auth/get-session' . ($query // ''), cookie => $cookie) }
sub page { my ($site, $cookie) = @_; return request($site, GET => '/members/page.html', cookie => $cookie)->{status} }
sub sign_in { my ($site, $user) = @_; return cookie_header(post($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD })) }
sub warm { my ($site, $cookie) = @_; my @said = parallel(8, sub { join '', map { page($site, $cookie) } 1 .. 3 }); return scalar grep { $_ ne '200200200' } @said }

# What ends a session, or changes who it is. With the cookie of the one that goes and one of another session of the same person.
my @ENDS = (
    ['sign-out', sub { my ($site, $user, $cookie) = @_; post($site, '/sign-out', {}, cookie => $cookie) }],
    ['revoke-session', sub { my ($site, $user, $cookie, $other) = @_; post($site, '/revoke-session', { token => $cookie =~ /=([^.;]+)\./ }, cookie => $other) }],
    ['revoke-other-sessions', sub { my ($site, $user, $cookie, $other) = @_; post($site, '/revoke-other-sessions', {}, cookie => $other) }],
    ['revoke-sessions', sub { my ($site, $user, $cookie, $other) = @_; post($site, '/revoke-sessions', {}, cookie => $other) }],
    ['change-password', sub { my ($site, $user, $cookie, $other) = @_;
        post($site, '/change-password', { currentPassword => PASSWORD, newPassword => PASSWORD, revokeOtherSessions => \1 }, cookie => $other) }],
    ['delete-user', sub { my ($site, $user, $cookie, $other) = @_; post($site, '/delete-user', { password => PASSWORD }, cookie => $other) }],
);

sub ends_at_once {
    my ($site) = @_;
    my $user = sign_up($site);
    for my $row (@ENDS) {
        my ($name, $end) = @$row;
        my ($cookie, $other) = map { sign_in($site, $user) } 1 .. 2;
        is(warm($site, $cookie), 0, "$name: known to all children");
        my $answer = $end->($site, $user, $cookie, $other);
        is($answer->{status}, 200, "$name: done") or diag $answer->{body};
        is_deeply([grep { $_ != 401 } map { page($site, $cookie) } 1 .. 24], [], "$name: no child lets it in again");
    }
}

# Several people for a while, each session in use by two readers when it ends: nobody may see it once the answer is there.
sub ends_under_load {
    my ($site, $seconds) = @_;
    my @users = map { sign_up($site) } 1 .. 4;
    my @said = parallel(4, sub {
        my $user = $users[$_[0] - 1];
        my ($until, $rounds, $late, $early) = (time + $seconds, 0, 0, 0);
        while (time < $until || $rounds < 3) {
            my $cookie = sign_in($site, $user);
            my $from = "$user->{email}-$rounds";
            pipe my $in, my $out;
            my @pids = map {
                my $pid = fork // die;
                if (!$pid) { page($site, $cookie) for 1 .. 8; POSIX::_exit(0) }
                $pid;
            } 1 .. 2;
            page($site, $cookie) == 200 or $early++;
            my $answer = post($site, '/sign-out', {}, cookie => $cookie);
            $early++ if $answer->{status} != 200;
            $late += grep { page($site, $cookie) != 401 } 1 .. 6;
            waitpid $_, 0 for @pids;
            $rounds++;
        }
        return "$rounds $late $early";
    });
    my ($rounds, $late, $early) = (0, 0, 0);
    for (@said) { my @n = split / /; $rounds += $n[0]; $late += $n[1]; $early += $n[2] }
    note "$rounds sessions ended under load, let in $late times afterwards";
    is("$late $early", '0 0', 'sessions ended under load are over for everybody') or diag "@said";
    cmp_ok($rounds, '>', 10, 'and there were some');
}

for my $dialect (qw(mysql sqlite)) {
    subtest $dialect => sub {
        my $site = "session-cache-$dialect";
        my $httpd = private_httpd(name => $site, cache => 'BetterAuthSessionCache shmcb:betterauth(4194304) 4', extra => $EXTRA,
            $dialect eq 'mysql' ? (mariadb => $db, database => 'cache') : ());
        my $user = sign_up($site, name => 'Ada');
        my $cookie = sign_in($site, $user);
        cmp_ok(scalar $httpd->children, '>', 1, 'more than one child');

        my $stored = session($site, $cookie, '?disableCookieCache=true');
        is(warm($site, $cookie), 0, 'pages');
        if ($dialect eq 'mysql') {
            my $many = statements(sub { page($site, $cookie) for 1 .. 20; session($site, $cookie) for 1 .. 20 });
            cmp_ok($many, '<=', 6, "40 requests: $many statements") or diag 'one or two may renew an entry, two look for mails';
        }
        is_deeply(session($site, $cookie)->{json}, $stored->{json}, 'the cache says what the database says');

        is(post($site, '/update-user', { name => 'Zoe', image => 'https://x.test/' . 'z' x 300 }, cookie => $cookie)->{status}, 200, 'a change');
        is_deeply([grep { $_ ne 'Zoe' } map { session($site, $cookie)->{json}{user}{name} } 1 .. 12], [], 'is seen by every child at once');
        is(post($site, '/update-user', { image => 'data:' . 'z' x 6000 }, cookie => $cookie)->{status}, 200, 'a user that does not fit');
        is_deeply([map { length session($site, $cookie)->{json}{user}{image} } 1 .. 3], [6005, 6005, 6005], 'is asked for each time');
        post($site, '/update-user', { image => undef }, cookie => $cookie);

        is(request($site, GET => '/verified/env', cookie => $cookie)->{status}, 403, 'who may do what');
        post($site, '/update-user', { name => 'Zoe' }, cookie => $cookie);    # a new entry, which will last for what follows
        warm($site, $cookie);
        change($site, "UPDATE user SET emailVerified = 1, name = 'Changed elsewhere'");
        is(request($site, GET => '/verified/echo', cookie => $cookie)->{status}, 200, 'is asked in the database each time');
        is(session($site, $cookie)->{json}{user}{name}, 'Zoe', 'what is changed elsewhere');
        is(session($site, $cookie, '?disableCookieCache=true')->{json}{user}{name}, 'Changed elsewhere', 'is seen by who asks for it');
        sleep 4.1;
        is_deeply([grep { $_ ne 'Changed elsewhere' } map { session($site, $cookie)->{json}{user}{name} } 1 .. 6], [], 'and by all after LIFETIME');

        my $other = sign_in($site, $user);
        warm($site, $other);
        change($site, "DELETE FROM session WHERE token = '" . ($other =~ /=([^.;]+)\./)[0] . "'");
        is(page($site, $other), 200, 'a session that ended elsewhere');
        is(post($site, '/change-password', { currentPassword => PASSWORD, newPassword => 'x' x 12 }, cookie => $other)->{status}, 401, 'changes nothing');
        is(request($site, GET => '/api/auth/list-sessions', cookie => $other)->{status}, 401, 'and shows nothing');
        sleep 4.1;
        is(page($site, $other), 401, 'and is over after LIFETIME');

        # due for a refresh, by a cached page, and by one that must be confirmed: one Set-Cookie each
        my $old = $dialect eq 'mysql' ? q{DATE_SUB(expiresAt, INTERVAL 2 DAY)} : q{strftime('%Y-%m-%dT%H:%M:%fZ', expiresAt, '-2 days')};
        change($site, "UPDATE session SET expiresAt = $old");
        sleep 4.1;
        session($site, $cookie, '?disableRefresh=1');
        my $due = request($site, GET => '/verified/echo', cookie => $cookie);
        is_deeply([scalar(() = headers($due, 'set-cookie')), $due->{status}], [1, 200], 'a refresh sets the cookie once');
        is(scalar(() = headers(request($site, GET => '/members/page.html', cookie => $cookie), 'set-cookie')), 0, 'and is done then');

        # due again, and in the hands of eight readers: who comes too late finds it done, and nobody writes it again
        my $hot = sign_in($site, $user);
        change($site, "UPDATE session SET expiresAt = $old WHERE token = '" . ($hot =~ /=([^.;]+)\./)[0] . "'");
        my $writes = sub { my ($code) = @_; my $n = sub { ($db->sql(q{SHOW GLOBAL STATUS LIKE 'Com_update'}))[0][1] }; my $was = $n->(); $code->(); return $n->() - $was };
        my $first = $writes->(sub { is(warm($site, $hot), 0, 'a session due, with eight readers') });
        my $later = $writes->(sub { page($site, $hot) for 1 .. 40 });
        if ($dialect eq 'mysql') {
            cmp_ok($first, '<=', 8, "is written once by each that found it due, at most ($first)");
            is($later, 0, 'and not again');
        }

        ends_at_once($site);
        ends_under_load($site, 2);
        $httpd->stop;
    };
}

subtest 'configuration' => sub {
    my $conf = sub { "BetterAuthSecret " . SECRET . "\nDBDriver sqlite3\nDBDParams /nowhere.db\n<Location /api/auth>\nSetHandler betterauth\n</Location>\n$_[0]\n" };
    my ($status, $said) = configtest($conf->(''), 'socache_shmcb');
    is($status, 0, 'without mod_socache_shmcb it is off');
    ($status, $said) = configtest($conf->('BetterAuthSessionCache shmcb 20'), 'socache_shmcb');
    isnt($status, 0, 'unless it was asked for');
    like($said, qr/BA0151: BetterAuthSessionCache shmcb needs mod_socache_shmcb: load it \(a2enmod socache_shmcb\)/, 'which is said');
    for my $row (['shmcb:x(1)', qr/BA0152: BetterAuthSessionCache shmcb: .*size/i], ['shmcb 0', qr/BetterAuthSessionCache must be/], [':x', qr/takes off, or a provider/]) {
        ($status, $said) = configtest($conf->("BetterAuthSessionCache $row->[0]"));
        isnt($status, 0, "$row->[0] is refused");
        like($said, $row->[1], 'with a reason');
    }
    is((configtest($conf->("BetterAuthSessionCache $_")))[0], 0, "$_ is taken") for 'off', 'shmcb', 'shmcb:x(600000) 1m';
};

done_testing;
