#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use BATest;

my $NEXT = 'another horse battery';
my @INVALID = (400, 'INVALID_TOKEN', 'Invalid token');

sub token { my ($site, $email) = @_; post($site, '/request-password-reset', { email => $email, redirectTo => '/new' }); return ((mails($site, $email))[-1]{url} =~ m{/reset-password/(\w+)\?})[0] }
sub reset_to { my ($site, $token, %body) = @_; return post($site, '/reset-password', { newPassword => $NEXT, token => $token, %body }) }
sub follow { my ($site, $token, $query) = @_; return request($site, GET => "/api/auth/reset-password/$token" . ($query // '?callbackURL=/new')) }
sub sign_in { my ($site, $email, $password) = @_; return post($site, '/sign-in/email', { email => $email, password => $password })->{status} }
sub stored { my ($site, $user) = @_; return (sql($site, "SELECT password FROM account WHERE userId = '$user->{user}{id}' AND accountId = userId"))[0][0] }
sub verify { my ($site, $user) = @_; sql($site, "UPDATE user SET emailVerified = 1 WHERE id = '$user->{user}{id}'") }
sub token_count { return scalar sql($_[0], 'SELECT id FROM verification') }

sub expire { my ($site) = @_; sql($site, q{UPDATE verification SET expiresAt = '} . (dialect($site) eq 'mysql' ? '2001-01-02 00:00:00' : '2001-01-02T00:00:00.000Z') . q{'}) }

sub goes_to {
    my ($answer, $url, $name) = @_;
    is($answer->{status}, 302, "$name: 302");
    is(header($answer, 'location'), $url, $name);
    is($answer->{body}, '', "$name: no body");
    is(header($answer, 'cache-control'), 'no-store', "$name: kept by nobody");
    is_deeply(cookies($answer)->{''}, [], "$name: no cookie");
}

each_site {
    my ($site) = @_;
    my $ada = sign_up($site, email => 'ada@example.com', name => 'Ada');
    my $bob = sign_up($site, email => 'bob@example.com');
    verify($site, $_) for $ada, $bob;
    my $bobs = stored($site, $bob);

    subtest 'GET /reset-password/:token' => sub {
        my $token = token($site, 'ada@example.com');
        goes_to(follow($site, $token), ORIGIN . "/new?token=$token", 'good') for 1, 2;
        goes_to(follow($site, $token, '?callbackURL=%2Fa%3Fx%3D1%26token%3Dold%23f'), ORIGIN . "/a?x=1&token=$token#f", 'query and fragment');
        goes_to(follow($site, $token, '?callbackURL=https%3A%2F%2Fapp.example'), "https://app.example/?token=$token", 'a trusted origin');
        goes_to(follow($site, $token, '?callbackURL='), ORIGIN . '/api/auth/error?error=INVALID_TOKEN', 'nowhere');
        goes_to(follow($site, $_), ORIGIN . '/new?error=INVALID_TOKEN', "token '$_'") for 'x', lc $token . 'x', swapcase($token), "$token%20", "'", '%27%20OR%201=1', 'a' x 3000;
        error_is(follow($site, $token, "?$_"), 403, 'INVALID_CALLBACK_URL', 'Invalid callbackURL', $_)
            for map { "callbackURL=$_" } qw(//evil.test https://evil.test /%5Cevil.test /%252fevil.test javascript:x new https%3A%2F%2Fauth.test%40evil.test);
        my $query = '[query.callbackURL] Invalid input: expected string, received %s';
        error_is(follow($site, $token, ''), 400, 'VALIDATION_ERROR', sprintf($query, 'undefined'), 'no callback');
        error_is(follow($site, $token, '?callbackURL=/a&callbackURL=/a'), 400, 'VALIDATION_ERROR', sprintf($query, 'array'), 'two');
        is(request($site, $_ => "/api/auth/reset-password/$token?callbackURL=/new")->{status}, 404, $_) for qw(HEAD POST PUT);
        is(follow($site, "$token/x")->{status}, 404, 'another segment');
        expire($site);
        goes_to(follow($site, $token), ORIGIN . '/new?error=INVALID_TOKEN', 'expired');
        is(token_count($site), 1, 'looking uses nothing up');
    };

    subtest 'success' => sub {
        my ($old, $token) = (stored($site, $ada), token($site, 'ada@example.com'));
        my $answer = reset_to($site, $token);
        json_is($answer, 200, 'sets it');
        is($answer->{body}, '{"status":true}', 'body');
        is_deeply(cookies($answer)->{''}, [], 'sets no cookie');
        is(token_count($site), 1, 'that token is gone, the expired one still there');
        isnt(stored($site, $ada), $old, 'another hash');
        like(stored($site, $ada), qr/^\$argon2id\$/, 'of the usual kind');
        is(stored($site, $bob), $bobs, q{not Bob's});
        is(sign_in($site, 'ada@example.com', PASSWORD), 401, 'the old password is good no more');
        is(sign_in($site, 'ada@example.com', $NEXT), 200, 'the new one is');
        ok(request($site, GET => '/api/auth/get-session', cookie => $ada->{cookie})->{json}, 'the session lives on');
        my $notice = (mails($site, 'ada@example.com'))[-1];
        is($notice->{url}, undef, 'the user is told, without a link');
        is(scalar mails($site, 'bob@example.com'), 0, 'Bob is not');
        error_is(reset_to($site, $token), @INVALID, 'a second time');
        goes_to(follow($site, $token), ORIGIN . '/new?error=INVALID_TOKEN', 'the link, too');
        is(post($site, '/reset-password?token=' . token($site, 'bob@example.com'), { newPassword => $NEXT })->{status}, 200, 'the token in the query');
        is(sign_in($site, 'bob@example.com', $NEXT), 200, 'works as well');
    };

    subtest 'no password yet' => sub {
        clean($site);
        my $user = sign_up($site, email => 'ada@example.com');
        verify($site, $user);
        my $id = $user->{user}{id};
        for (['DELETE FROM account', 1, 'no account'], ["UPDATE account SET providerId = 'github', accountId = '4711', password = NULL", 2, 'one of another provider'],
            ["UPDATE account SET accountId = 'other' WHERE providerId = 'credential'", 2, 'one that sign-in does not look at'], ['UPDATE account SET password = NULL', 1, 'no password in it']) {
            my ($set, $accounts, $name) = @$_;
            sql($site, "$set;");
            is(reset_to($site, token($site, 'ada@example.com'))->{status}, 200, "$name: reset");
            is(sign_in($site, 'ada@example.com', $NEXT), 200, "$name: sign-in");
            is(scalar sql($site, 'SELECT id FROM account'), $accounts, "$name: accounts");
            sql($site, "DELETE FROM ba_mail; DELETE FROM account WHERE accountId <> '$id';");
        }
    };

    subtest 'each error' => sub {
        clean($site);
        my $user = sign_up($site, email => 'ada@example.com');
        my $token = token($site, 'ada@example.com');
        my @before = (stored($site, $user), token_count($site));
        my $type = '[body.%s] Invalid input: expected string, received %s';
        my @bad = (400, 'VALIDATION_ERROR');
        error_is(post($site, '/reset-password', {}), @bad, sprintf($type, 'newPassword', 'undefined'), 'nothing');
        error_is(reset_to($site, $token, newPassword => undef), @bad, sprintf($type, 'newPassword', 'null'), 'a null password');
        error_is(reset_to($site, $token, newPassword => 12345678), @bad, sprintf($type, 'newPassword', 'number'), 'a number as password');
        error_is(reset_to($site, $token, newPassword => [$NEXT]), @bad, sprintf($type, 'newPassword', 'array'), 'a list as password');
        error_is(reset_to($site, undef), @bad, sprintf($type, 'token', 'null'), 'a null token');
        error_is(reset_to($site, 7), @bad, sprintf($type, 'token', 'number'), 'a number as token');
        error_is(reset_to($site, { '$ne' => '' }), @bad, sprintf($type, 'token', 'object'), 'an object as token');
        error_is(reset_to($site, "$token\0"), @bad, '[body.token] Invalid input', 'a NUL after the token');
        error_is(post($site, '/reset-password', []), @bad, '[body] Invalid input: expected object, received array', 'a list');
        error_is(request($site, POST => '/api/auth/reset-password'), @bad, '[body] Invalid input: expected object, received undefined', 'no body');
        error_is(post($site, '/reset-password?token=a&token=b', { newPassword => $NEXT }), @bad, '[query.token] Invalid input: expected string, received array', 'two tokens in the query');
        error_is(request($site, POST => '/api/auth/reset-password', body => "newPassword=$NEXT&token=$token", headers => ['Content-Type' => 'text/plain']), 415, 'UNSUPPORTED_MEDIA_TYPE',
            'Content-Type "text/plain" is not allowed. Allowed types: application/json', 'text');
        error_is(request($site, POST => '/api/auth/reset-password', body => '{"token":', headers => ['Content-Type' => 'application/json']), 400, 'BAD_REQUEST', 'Invalid JSON in request body', 'half an object');
        error_is(post($site, '/reset-password', { newPassword => $NEXT }), @INVALID, 'no token');
        error_is(reset_to($site, '', newPassword => 'x'), @INVALID, 'an empty token is told before a short password');
        error_is(reset_to($site, $_), @INVALID, "token '$_'") for swapcase($token), "$token ", " $token", substr($token, 1), "reset-password:$token", '%', "' OR '1'='1", 'a' x 3000, "\x{e9}" x 24;
        error_is(reset_to($site, 'x', newPassword => '1234567'), 400, 'PASSWORD_TOO_SHORT', 'Password too short', 'the length is told before a wrong token');
        error_is(reset_to($site, $token, newPassword => '1234567'), 400, 'PASSWORD_TOO_SHORT', 'Password too short', '7 characters');
        error_is(reset_to($site, $token, newPassword => 'p' x 129), 400, 'PASSWORD_TOO_LONG', 'Password too long', '129 characters');
        is_deeply([stored($site, $user), token_count($site)], \@before, 'nothing was written');
        error_is(post(($site =~ s/^mail-//r), '/reset-password', { newPassword => $NEXT, token => 'x' }), @INVALID, 'without a mailer');

        expire($site);
        error_is(reset_to($site, $token), @INVALID, 'expired');
        is(token_count($site), 0, 'and swept');
        $token = token($site, 'ada@example.com');
        sql($site, "UPDATE verification SET value = 'nobody'");
        error_is(reset_to($site, $token), 400, 'USER_NOT_FOUND', 'User not found', 'the user is gone');
        is(token_count($site), 0, 'and so is the token');
        is(stored($site, $user), $before[0], 'the password stays');
    };

    subtest 'BetterAuthResetRevokesSessions, hashed tokens' => sub {
        my $strict = $site =~ s/^mail/strict/r;
        clean($strict);
        post($strict, '/sign-up/email', { name => '', email => 'ada@example.com', password => PASSWORD });
        sql($strict, 'UPDATE user SET emailVerified = 1');
        my $cookie = cookie_header(post($strict, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD }));
        my $token = token($strict, 'ada@example.com');
        my ($hashed) = map { $_->[0] } sql($strict, 'SELECT identifier FROM verification');
        error_is(reset_to($strict, $hashed), @INVALID, 'what the table shows is no token');
        goes_to(follow($strict, $token), ORIGIN . "/new?token=$token", 'the link');
        is(reset_to($strict, $token)->{status}, 200, 'a hashed token');
        no_session($strict, $cookie, 'the session is over');
        $token = token($strict, 'ada@example.com');
        sql($strict, "UPDATE verification SET identifier = 'reset-password:$token'");
        is(reset_to($strict, $token)->{status}, 200, 'one stored before tokens were hashed');
        clean($strict);
    };
} 'mail';

sub swapcase { my ($s) = @_; $s =~ tr/a-zA-Z/A-Za-z/; return $s }

done_testing;
