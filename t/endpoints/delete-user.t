#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use BATest;

my $DELETED = '{"success":true,"message":"User deleted"}';

sub remove { my ($site, $user, $body, %o) = @_; return post($site, '/delete-user', $body // {}, cookie => $user->{cookie}, %o) }
sub open_link { my ($site, $url, %o) = @_; return request($site, GET => $url =~ s{^http://auth\.test}{}r, %o) }
sub follow { my ($site, $query, %o) = @_; return request($site, GET => "/api/auth/delete-user/callback$query", %o) }
sub rows { my ($site, $user) = @_; my $id = $user->{user}{id}; return join ' ', map { scalar sql($site, "SELECT id FROM $_->[0] WHERE $_->[1] = '$id'") } ['user', 'id'], ['account', 'userId'], ['session', 'userId'] }
sub age { my ($site) = @_; sql($site, q{UPDATE session SET createdAt = '} . (dialect($site) eq 'mysql' ? '2020-01-02 00:00:00' : '2020-01-02T00:00:00.000Z') . q{'}) }
sub expire { my ($site) = @_; sql($site, q{UPDATE verification SET expiresAt = '} . (dialect($site) eq 'mysql' ? '2001-01-02 00:00:00' : '2001-01-02T00:00:00.000Z') . q{'}) }

sub cleared {
    my ($answer, $name) = @_;
    my $cookies = cookies($answer);
    is_deeply($cookies->{''}, [map { "better-auth.$_" } qw(session_token session_data dont_remember)], "$name: clears three cookies");
    like($cookies->{$_}{attributes}, qr/^Max-Age=0;/, "$name: $_") for @{ $cookies->{''} };
}

each_site {
    my ($site) = @_;
    my $bob = sign_up($site, email => 'bob@example.com');

    subtest 'success' => sub {
        my $ada = sign_up($site, email => 'ada@example.com');
        post($site, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD });
        is(rows($site, $ada), '1 1 2', 'what there is before');
        my $answer = remove($site, $ada);
        json_is($answer, 200, 'deletes');
        is($answer->{body}, $DELETED, 'body');
        cleared($answer, 'delete-user');
        is(rows($site, $ada), '0 0 0', 'nothing of it is left');
        is(rows($site, $bob), '1 1 1', 'Bob is untouched');
        no_session($site, $ada->{cookie}, 'the session is over');
        is(remove($site, $ada)->{json}{code}, 'UNAUTHORIZED', 'again');
        is(sign_up($site, email => 'ada@example.com')->{answer}{status}, 200, 'the address is free');
        is(scalar mails($site), 0, 'no mail');
    };

    subtest 'a password, or a fresh session' => sub {
        my $ada = sign_up($site, email => 'old@example.com');
        age($site);
        my @old = (400, 'SESSION_EXPIRED', 'Session expired. Re-authenticate to perform this action.');
        error_is(remove($site, $ada), @old, 'an old session');
        error_is(remove($site, $ada, { password => '' }), @old, 'an empty password is none');
        error_is(remove($site, $ada, { password => $_ }), 400, 'INVALID_PASSWORD', 'Invalid password', "'$_'") for 'wrong horse battery', uc PASSWORD, ' ';
        error_is(remove($site, $ada, { password => 'p' x 129 }), 400, 'PASSWORD_TOO_LONG', 'Password too long', '129 characters');
        sql($site, "UPDATE account SET password = NULL WHERE userId = '$ada->{user}{id}'");
        error_is(remove($site, $ada, { password => PASSWORD }), 400, 'CREDENTIAL_ACCOUNT_NOT_FOUND', 'Credential account not found', 'who has no password');
        is(rows($site, $ada), '1 1 1', 'all is there');
        my $eve = sign_up($site, email => 'eve@example.com');
        age($site);
        is(remove($site, $eve, { password => PASSWORD })->{body}, $DELETED, 'the password does');
        is(rows($site, $eve), '0 0 0', 'nothing is left');
    };

    subtest 'each error' => sub {
        my $ada = sign_up($site, email => 'sane@example.com');
        my @bad = (400, 'VALIDATION_ERROR');
        my $type = '[body.%s] Invalid input: expected string, received %s';
        error_is(remove($site, $ada, { password => undef }), @bad, sprintf($type, 'password', 'null'), 'password null');
        error_is(remove($site, $ada, { password => 7 }), @bad, sprintf($type, 'password', 'number'), 'password a number');
        error_is(remove($site, $ada, { password => [PASSWORD] }), @bad, sprintf($type, 'password', 'array'), 'password a list');
        error_is(remove($site, $ada, { token => undef }), @bad, sprintf($type, 'token', 'null'), 'token null');
        error_is(remove($site, $ada, { token => JSON::PP::true }), @bad, sprintf($type, 'token', 'boolean'), 'token true');
        error_is(remove($site, $ada, { token => "a\0" }), @bad, '[body.token] Invalid input', 'a NUL in the token');
        error_is(remove($site, $ada, { callbackURL => undef }), @bad, sprintf($type, 'callbackURL', 'null'), 'callbackURL null');
        error_is(remove($site, $ada, { callbackURL => {} }), 400, undef, 'Invalid callbackURL: expected a string', 'callbackURL an object');
        error_is(remove($site, $ada, { callbackURL => $_ }), 403, 'INVALID_CALLBACK_URL', 'Invalid callbackURL', $_) for '//evil.test', 'https://evil.test', 'bye';
        error_is(remove($site, $ada, []), @bad, '[body] Invalid input: expected object, received array', 'a list');
        error_is(request($site, POST => '/api/auth/delete-user', cookie => $ada->{cookie}, origin => ORIGIN), @bad, '[body] Invalid input: expected object, received undefined', 'no body');
        error_is(request($site, POST => '/api/auth/delete-user', cookie => $ada->{cookie}, origin => ORIGIN, body => '{', headers => ['Content-Type' => 'application/json']), 400, 'BAD_REQUEST', 'Invalid JSON in request body', 'half an object');
        error_is(remove($site, $ada, {}, origin => 'https://evil.test'), 403, 'INVALID_ORIGIN', 'Invalid origin', 'from elsewhere');
        error_is(remove($site, $ada, {}, origin => undef), 403, 'MISSING_OR_NULL_ORIGIN', 'Missing or null Origin', 'from nowhere');
        error_is(post($site, '/delete-user', {}), 401, 'UNAUTHORIZED', 'Unauthorized', 'nobody');
        error_is(post($site, '/delete-user', { token => 'x', userId => $ada->{user}{id} }), 401, 'UNAUTHORIZED', 'Unauthorized', 'nobody, with a token');
        error_is(remove($site, $ada, { token => 'x' }), 404, 'INVALID_TOKEN', 'Invalid token', 'a token that is none');
        is(request($site, GET => '/api/auth/delete-user', cookie => $ada->{cookie})->{status}, 404, 'GET');
        is(rows($site, $ada), '1 1 1', 'all is there');

        my $plain = $site =~ s/^mail-//r;
        my $user = sign_up($plain, email => 'plain@example.com');
        my $off = remove($plain, $user, { password => PASSWORD });
        is("$off->{status} $off->{body}", '404 ', 'switched off');
        error_is(follow($plain, '?token=x', cookie => $user->{cookie}), 404, 'NOT_FOUND', 'Not found', 'the link');
        is(rows($plain, $user), '1 1 1', 'all is there');
    };

    subtest 'by a mailed link: /delete-user/callback' => sub {
        my $strict = $site =~ s/^mail/strict/r;
        clean($strict);
        my $user = sub {
            my ($email) = @_;
            post($strict, '/sign-up/email', { name => '', email => $email, password => PASSWORD });
            sql($strict, 'UPDATE user SET emailVerified = 1; DELETE FROM ba_mail; DELETE FROM test_mail;');
            my $in = post($strict, '/sign-in/email', { email => $email, password => PASSWORD });
            return { cookie => cookie_header($in), user => $in->{json}{user}, email => $email };
        };
        my $ask = sub {
            my ($who, %body) = @_;
            my $answer = remove($strict, $who, \%body);
            is("$answer->{status} $answer->{body}", '200 {"success":true,"message":"Verification email sent"}', 'asks');
            is_deeply(cookies($answer)->{''}, [], 'sets no cookie');
            return (mails($strict, $who->{email}))[-1]{url};
        };
        my ($ada, $eve) = map { $user->("$_\@example.com") } qw(ada eve);
        my @invalid = (404, 'INVALID_TOKEN', 'Invalid token');

        my $url = $ask->($ada, password => PASSWORD, callbackURL => '/bye?a&b');
        my ($token) = $url =~ m{^\Q@{[ORIGIN]}\E/api/auth/delete-user/callback\?token=([a-z0-9]{32})&callbackURL=%2Fbye%3Fa%26b$} or diag $url;
        my $life = dialect($strict) eq 'mysql' ? 'TIMESTAMPDIFF(SECOND, createdAt, expiresAt)' : q{strftime('%s', expiresAt) - strftime('%s', createdAt)};
        my ($row) = sql($strict, "SELECT value, $life, identifier FROM verification");
        is_deeply([@$row[0, 1]], [$ada->{user}{id}, 600], 'the token is hers, for BetterAuthDeleteExpiresIn');
        unlike($row->[2], qr/$token/, 'and hashed');
        error_is(open_link($strict, $url), 404, 'FAILED_TO_GET_USER_INFO', 'Failed to get user info', 'nobody');
        is(request($strict, HEAD => "/api/auth/delete-user/callback?token=$token", cookie => $ada->{cookie})->{status}, 404, 'HEAD');
        my $type = '[query.%s] Invalid input: expected string, received %s';
        error_is(follow($strict, '', cookie => $ada->{cookie}), 400, 'VALIDATION_ERROR', sprintf($type, 'token', 'undefined'), 'no token');
        error_is(follow($strict, "?token=$token&token=x", cookie => $ada->{cookie}), 400, 'VALIDATION_ERROR', sprintf($type, 'token', 'array'), 'two tokens');
        error_is(follow($strict, "?token=$token&callbackURL=/&callbackURL=/", cookie => $ada->{cookie}), 400, 'VALIDATION_ERROR', sprintf($type, 'callbackURL', 'array'), 'two callbacks');
        for my $evil (qw(//evil.test https://evil.test javascript:x /%5cevil.test)) {
            my $answer = follow($strict, "?token=$token&callbackURL=" . uri_escape($evil), cookie => $ada->{cookie});
            error_is($answer, 403, 'INVALID_CALLBACK_URL', 'Invalid callbackURL', $evil);
            is(header($answer, 'location'), undef, 'goes nowhere');
        }
        error_is(follow($strict, "?callbackURL=/bye&token=$_", cookie => $ada->{cookie}), @invalid, "token $_") for uc $token, "$token%20", 'x', 'a' x 3000, $row->[2];
        is(rows($strict, $ada), '1 1 1', 'all is there');
        my $answer = open_link($strict, $url, cookie => $ada->{cookie});
        is("$answer->{status} " . header($answer, 'location') . " $answer->{body}", '302 /bye?a&b ', 'she herself');
        cleared($answer, 'the link');
        is(rows($strict, $ada), '0 0 0', 'nothing is left');
        is(scalar sql($strict, 'SELECT id FROM verification'), 0, 'not even the token');

        $url = $ask->($eve);
        like($url, qr/&callbackURL=%2F$/, 'leads home');
        expire($strict);
        error_is(open_link($strict, $url, cookie => $eve->{cookie}), @invalid, 'expired');
        is(scalar sql($strict, 'SELECT id FROM verification'), 0, 'and swept');
        my $mallory = $user->('mallory@example.com');
        $url = $ask->($eve);
        error_is(open_link($strict, $url, cookie => $mallory->{cookie}), @invalid, 'somebody else');
        error_is(open_link($strict, $url, cookie => $eve->{cookie}), @invalid, 'which uses it up');
        is(rows($strict, $_), '1 1 1', 'all is there') for $eve, $mallory;

        ($token) = $ask->($eve) =~ /token=(\w+)/;
        error_is(remove($strict, $eve, { token => $token, password => 'wrong horse battery' }), 400, 'INVALID_PASSWORD', 'Invalid password', 'a token, but a wrong password');
        $answer = remove($strict, $eve, { token => $token });
        is("$answer->{status} $answer->{body}", "200 $DELETED", 'the token in the body');
        cleared($answer, 'which better-auth forgets');
        $answer = follow($strict, '?token=' . ($ask->($mallory) =~ /token=(\w+)/)[0], cookie => $mallory->{cookie});
        is("$answer->{status} $answer->{body}", "200 $DELETED", 'a link without a callback');
        is(rows($strict, $_), '0 0 0', 'nothing is left') for $eve, $mallory;
        clean($strict);
    };
} 'mail';

done_testing;
