#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# BetterAuthMaxSessionsPerUser and BetterAuthSessionMaxLifetime, which Better Auth does not have: three sessions, ten days.
use strict;
use warnings;
use BATest;

plan skip_all => 'Better Auth has no such limits' if $ENV{BA_SITES};

sub age {
    my ($site, $token, $made, $ends) = @_;
    sql($site, sprintf q{UPDATE session SET createdAt = '%s', expiresAt = '%s' WHERE token = '%s'}, moment($site, $made), moment($site, $ends), $token);
}

sub sign_in {
    my ($site, $user, %more) = @_;
    my $answer = post($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD, %more });
    is($answer->{status}, 200, 'signs in') or diag $answer->{body};
    return { token => $answer->{json}{token}, cookie => cookie_header($answer), answer => $answer };
}

sub good { my ($site, $of) = @_; return request($site, GET => '/api/auth/get-session', cookie => $of->{cookie})->{body} ne 'null' }

for my $site (qw(limits limits-lite)) {
    subtest $site => sub {
        clean($site);
        my $other = sign_up($site);

        subtest 'the oldest go' => sub {
            my @s = my $ada = sign_up($site, email => 'ada@example.com');
            age($site, $ada->{token}, -300, 86400);
            for my $n (1 .. 4) {
                push @s, sign_in($site, $ada);
                age($site, $s[-1]{token}, -300 + $n * 10, 86400);
            }
            is(join(' ', map { good($site, $_) ? 1 : 0 } @s), '0 0 1 1 1', 'three are left, the youngest');
            ok(good($site, $other), 'other people keep theirs');
            # one that has expired is not what pushes a living one out
            age($site, $s[4]{token}, -60, -1);
            push @s, sign_in($site, $ada);
            is(join(' ', map { good($site, $_) ? 1 : 0 } @s[2 .. 5]), '1 1 0 1', 'an expired one does not count');
            is(session_count($site, "userId = '$ada->{user}{id}'"), 3, 'and its row is gone');
        };

        subtest 'at the same moment' => sub {
            my $bob = sign_up($site, email => 'bob@example.com');
            my @said = parallel(12, sub {
                my $answer = post($site, '/sign-in/email', { email => 'bob@example.com', password => PASSWORD });
                return "$answer->{status}";
            });
            is(join(' ', @said), join(' ', (200) x 12), 'all sign in');
            is(session_count($site, "userId = '$bob->{user}{id}'"), 3, 'three sessions are left');
            # all made in one millisecond: the new one is never the one that goes
            sql($site, sprintf q{UPDATE session SET createdAt = '%s' WHERE userId = '%s'}, moment($site, 3600), $bob->{user}{id});
            ok(good($site, sign_in($site, $bob)), 'the new one is good, whatever the clock of the others says');
        };

        subtest 'a password change' => sub {
            my $user = sign_up($site);
            sign_in($site, $user) for 1 .. 2;
            my $answer = post($site, '/change-password', { currentPassword => PASSWORD, newPassword => 'another horse battery', revokeOtherSessions => JSON::PP::true }, cookie => $user->{cookie});
            is($answer->{status}, 200, 'is done') or diag $answer->{body};
            is(session_count($site, "userId = '$user->{user}{id}'"), 1, 'its session is the only one');
        };

        subtest 'the longest life' => sub {
            my $user = sign_up($site);
            my $second = sign_in($site, $user);
            age($site, $user->{token}, -8 * 86400, 86400);
            my $answer = request($site, GET => '/api/auth/get-session', cookie => $user->{cookie});
            my ($max_age) = (cookies($answer)->{'better-auth.session_token'}{attributes} // '') =~ /^Max-Age=(\d+);/;
            ok($max_age && $max_age <= 2 * 86400 && $max_age > 2 * 86400 - 60, 'a refresh goes to its end and no further') or diag $max_age // 'no cookie';
            my ($row) = sql($site, "SELECT expiresAt FROM session WHERE token = '$user->{token}'");
            ok($row->[0] gt moment($site, 2 * 86400 - 60) && $row->[0] lt moment($site, 2 * 86400), 'and so does the row') or diag $row->[0];
            is_deeply(cookies(request($site, GET => '/api/auth/get-session', cookie => $user->{cookie}))->{''}, [], 'once');
            age($site, $user->{token}, -10 * 86400 - 5, 86400);
            my $list = request($site, GET => '/api/auth/list-sessions', cookie => $second->{cookie});
            is_deeply([map { $_->{token} } @{ $list->{json} }], [$second->{token}], 'one that is older is not listed');
            my $guard = request($site, GET => '/guarded/env', cookie => $user->{cookie}, headers => [Accept => '*/*']);
            is($guard->{status}, 401, 'the guard refuses it');
            is(session_count($site, "token = '$user->{token}'"), 0, 'and its row is gone');
        };
    };
}

done_testing;
