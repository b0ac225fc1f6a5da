#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# What all endpoints for signed-in users have in common: who may call them, from where, and in which order it is checked.
use strict;
use warnings;
use BATest;

my %body = (    # of the POST endpoints, each with a body that would do something
    '/revoke-session'        => { token => 'x' },
    '/revoke-sessions'       => {},
    '/revoke-other-sessions' => {},
    '/update-session'        => { foo => 1 },
    '/update-user'           => { name => 'Mallory' },
    '/change-password'       => { currentPassword => PASSWORD, newPassword => 'another horse battery' },
    '/verify-password'       => { password => PASSWORD },
    '/unlink-account'        => { accountId => 'x' },
);
my @get   = qw(/list-sessions /list-accounts);
my @fresh = qw(/list-sessions /unlink-account);
my @all   = (@get, sort keys %body);

sub call {
    my ($site, $path, %o) = @_;
    return request($site, GET => "/api/auth$path", %o) unless $body{$path};
    return request($site, POST => "/api/auth$path", json => $body{$path}, origin => ORIGIN, %o);
}

# Moves a date of a session to some seconds from now.
sub set_date {
    my ($site, $token, $column, $seconds) = @_;
    sql($site, sprintf q{UPDATE session SET %s = '%s' WHERE token = '%s'}, $column, moment($site, $seconds), $token);
}

sub rows {
    my ($site) = @_;
    return [map { join "\t", map { $_ // 'NULL' } @$_ } map { sql($site, "SELECT * FROM $_ ORDER BY id") } qw(user account session)];
}

each_site {
    my ($site) = @_;
    my $user = sign_up($site, email => 'ada@example.com', name => 'Ada');
    my ($cookie, $token) = @$user{qw(cookie token)};
    my $before = rows($site);

    subtest 'without a session' => sub {
        my %none = ('no cookie' => undef, 'a forged one' => 'better-auth.session_token=' . signed($token, 'another secret of the same length'),
            'no signature' => "better-auth.session_token=$token", 'the secure name' => "__Secure-$cookie");
        for my $path (@all) {
            error_is(call($site, $path, cookie => $none{$_}), 401, 'UNAUTHORIZED', 'Unauthorized', "$path: $_") for sort keys %none;
            my $unknown = call($site, $path, cookie => 'better-auth.session_token=' . signed('x' x 32));
            is("$unknown->{status} $unknown->{json}{code}", '401 UNAUTHORIZED', "$path: an unknown session");
            is_deeply(cookies($unknown)->{''}, [map { "better-auth.$_" } qw(session_token session_data dont_remember)], "$path: whose cookies go");
        }
        is_deeply(rows($site), $before, 'the rows are as before');
    };

    subtest 'from other pages' => sub {
        for my $path (sort keys %body) {
            my @cookie = (cookie => $cookie);
            error_is(call($site, $path, @cookie, origin => 'https://evil.test'), 403, 'INVALID_ORIGIN', 'Invalid origin', "$path: a foreign page");
            error_is(call($site, $path, @cookie, origin => undef), 403, 'MISSING_OR_NULL_ORIGIN', 'Missing or null Origin', "$path: no Origin");
            error_is(call($site, $path, @cookie, origin => 'null'), 403, 'MISSING_OR_NULL_ORIGIN', 'Missing or null Origin', "$path: Origin null");
            my $bounce = request($site, POST => "/api/auth$path?callbackURL=//evil.test", json => $body{$path}, origin => ORIGIN, @cookie);
            error_is($bounce, 403, 'INVALID_CALLBACK_URL', 'Invalid callbackURL', "$path: a foreign callbackURL");
        }
        is_deeply(rows($site), $before, 'the rows are as before');
    };

    subtest 'in other forms' => sub {
        for my $path (sort keys %body) {
            my @as = (origin => ORIGIN, cookie => $cookie);
            my $form = request($site, POST => "/api/auth$path", @as, form => [token => 'x', name => 'x']);
            error_is($form, 415, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type "application/x-www-form-urlencoded" is not allowed. Allowed types: application/json', "$path: a form");
            my $broken = request($site, POST => "/api/auth$path", @as, headers => ['Content-Type' => 'application/json'], body => '{');
            error_is($broken, 400, 'BAD_REQUEST', 'Invalid JSON in request body', "$path: broken JSON");
            my $get = request($site, GET => "/api/auth$path", cookie => $cookie);
            is("$get->{status} [$get->{body}]", '404 []', "$path: GET is not the way");
        }
        for my $path (@get) {
            my $post = request($site, POST => "/api/auth$path", json => {}, origin => ORIGIN, cookie => $cookie);
            is("$post->{status} [$post->{body}]", '404 []', "$path: POST is not the way");
        }
        is_deeply(rows($site), $before, 'the rows are as before');
    };

    subtest 'a bad body is told before a missing session' => sub {
        for my $path (grep { !m{^/revoke-(?:other-)?sessions$} } sort keys %body) {
            my $kind = $path =~ /update/ ? 'record' : 'object';
            my $answer = request($site, POST => "/api/auth$path", json => [], origin => ORIGIN);
            error_is($answer, 400, 'VALIDATION_ERROR', "[body] Invalid input: expected $kind, received array", $path);
        }
    };

    subtest 'freshness is counted from createdAt' => sub {
        my $set = sub { my ($column, $days) = @_; set_date($site, $token, $column, $days * 86400) };
        # A session that is old and has been refreshed just now.
        $set->(createdAt => -2);
        $set->(updatedAt => 0);
        my @stale = (403, 'SESSION_NOT_FRESH', 'Session is not fresh');
        error_is(call($site, $_, cookie => $cookie), @stale, "$_: two days old") for @fresh;
        is(call($site, '/list-accounts', cookie => $cookie)->{status}, 200, 'others do not mind');
        is(call($site, '/verify-password', cookie => $cookie)->{status}, 200, 'nor does verify-password');
        $set->(createdAt => -1 - 5 / 86400);
        error_is(call($site, '/list-sessions', cookie => $cookie), @stale, 'a day and five seconds');
        $set->(createdAt => -1 + 60 / 86400);
        $set->(updatedAt => -1);
        is(call($site, '/list-sessions', cookie => $cookie)->{status}, 200, 'a day but for a minute');
    };

    subtest 'any of them refreshes a session that is due, and ends one that is over' => sub {
        set_date($site, $token, expiresAt => 5 * 86400);
        my $answer = call($site, '/list-accounts', cookie => $cookie);
        is(cookies($answer)->{'better-auth.session_token'}{attributes}, 'Max-Age=604800; Path=/; HttpOnly; SameSite=Lax', 'the cookie comes again');
        is_deeply(cookies(call($site, '/list-accounts', cookie => $cookie))->{''}, [], 'once');
        set_date($site, $token, expiresAt => -1);
        is(call($site, '/update-user', cookie => $cookie)->{status}, 401, 'over');
        is(session_count($site), 0, 'and gone');
        is((sql($site, 'SELECT name FROM user'))[0][0], 'Ada', 'nothing was written');
    };
};

done_testing;
