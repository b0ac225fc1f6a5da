#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use utf8;
use BATest;

my $ID  = qr/^[a-zA-Z0-9]{32}$/;
my $ISO = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

sub body { return { name => 'Zoë', email => 'zoe@example.com', password => PASSWORD, @_ } }

sub refused {
    my ($site, $body, $status, $code, $message, $name) = @_;
    my $before = user_count($site);
    error_is(post($site, '/sign-up/email', $body), $status, $code, $message, $name);
    is(user_count($site), $before, "$name: stores nothing");
}

sub missing { my $body = body(); delete $body->{ $_[0] }; return $body }

each_site {
    my ($site) = @_;

    subtest 'success' => sub {
        my $answer = post($site, '/sign-up/email', body(email => 'Zoe@Example.COM', image => 'https://x.test/z.png'),
            headers => ['User-Agent' => 'tester/1']);
        json_is($answer, 200, 'signs up');
        my ($token, $user) = @{ $answer->{json} }{qw(token user)};
        is_deeply([sort keys %{ $answer->{json} }], [qw(token user)], 'keys of the answer');
        is_deeply([sort keys %$user], [qw(createdAt email emailVerified id image name updatedAt)], 'keys of the user');
        like($token, $ID, 'token');
        like($user->{id}, $ID, 'user id');
        like($user->{$_}, $ISO, $_) for qw(createdAt updatedAt);
        is($user->{email}, 'zoe@example.com', 'the address is lower case');
        is($user->{name}, 'Zoë', 'the name is as sent');
        is($user->{image}, 'https://x.test/z.png', 'so is the image');
        ok(JSON::PP::is_bool($user->{emailVerified}) && !$user->{emailVerified}, 'the address is not verified');

        my $cookies = cookies($answer);
        is_deeply($cookies->{''}, ['better-auth.session_token'], 'one cookie');
        is($cookies->{'better-auth.session_token'}{value}, signed($token), 'it is the signed token');
        is($cookies->{'better-auth.session_token'}{attributes}, 'Max-Age=604800; Path=/; HttpOnly; SameSite=Lax', 'its attributes');

        my @users = sql($site, 'SELECT id, name, email, emailVerified, image FROM user');
        is_deeply(\@users, [[$user->{id}, 'Zoë', 'zoe@example.com', 0, 'https://x.test/z.png']], 'the user row');
        my @accounts = sql($site, 'SELECT accountId, providerId, userId, password, accessToken, refreshToken, idToken, scope FROM account');
        my $hash = splice @{ $accounts[0] }, 3, 1;
        is_deeply(\@accounts, [[$user->{id}, 'credential', $user->{id}, (undef) x 4]], 'the account row');
        like($hash, is_httpd($site) ? qr/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+\/]+\$[A-Za-z0-9+\/]+$/
            : qr/^[0-9a-f]{32}:[0-9a-f]{128}$/, 'the stored hash');
        my @sessions = sql($site, 'SELECT token, userId, userAgent FROM session');
        is_deeply(\@sessions, [[$token, $user->{id}, 'tester/1']], 'the session row');
        my $who = request($site, GET => '/api/auth/get-session', cookie => cookie_header($answer));
        is($who->{json}{user}{id}, $user->{id}, 'and the cookie is good at once');
    };

    clean($site);
    subtest 'what may be there' => sub {
        my $empty = post($site, '/sign-up/email', body(name => ''));
        is("$empty->{status} $empty->{json}{user}{name}", '200 ', 'an empty name');
        is($empty->{json}{user}{image}, undef, 'no image is null');
        my $extra = post($site, '/sign-up/email', body(email => 'x@example.com', id => 'me', emailVerified => JSON::PP::true,
            role => 'admin', createdAt => '2001-01-01T00:00:00.000Z'));
        is($extra->{status}, 200, 'unknown keys are ignored');
        isnt($extra->{json}{user}{id}, 'me', 'an id too');
        ok(!$extra->{json}{user}{emailVerified}, 'and emailVerified');
        my $form = request($site, POST => '/api/auth/sign-up/email', origin => ORIGIN,
            form => [name => 'F', email => 'form@example.com', password => PASSWORD]);
        is($form->{status}, 200, 'a form may carry it');
        is(header($form, 'content-type'), 'application/json', 'the answer is JSON all the same');
        my $forgotten = post($site, '/sign-up/email', body(email => 'forget@example.com', rememberMe => JSON::PP::false));
        is_deeply(cookies($forgotten)->{''}, [qw(better-auth.session_token better-auth.dont_remember)], 'rememberMe false sets the marker');
        is(cookies($forgotten)->{'better-auth.session_token'}{attributes}, 'Path=/; HttpOnly; SameSite=Lax', 'and no Max-Age');
        is(cookies($forgotten)->{'better-auth.dont_remember'}{value}, signed('true'), 'the marker is signed');
        my $emoji = post($site, '/sign-up/email', body(email => 'emoji@example.com', password => "\x{1F600}" x 4));
        is($emoji->{status}, 200, 'four emoji are eight UTF-16 units');
        my $long = post($site, '/sign-up/email', body(email => 'long@example.com', password => 'p' x 128));
        is($long->{status}, 200, '128 units are allowed');
    };

    clean($site);
    subtest 'each error' => sub {
        my $bad = '[body.%s] Invalid input: expected %s, received %s';
        for my $key (qw(name email password)) {
            refused($site, missing($key), 400, 'VALIDATION_ERROR', sprintf($bad, $key, 'string', 'undefined'), "no $key");
            refused($site, body($key => undef), 400, 'VALIDATION_ERROR', sprintf($bad, $key, 'string', 'null'), "$key null");
            refused($site, body($key => [1]), 400, 'VALIDATION_ERROR', sprintf($bad, $key, 'string', 'array'), "$key an array");
            refused($site, body($key => { a => 1 }), 400, 'VALIDATION_ERROR', sprintf($bad, $key, 'string', 'object'), "$key an object");
            refused($site, body($key => 7), 400, 'VALIDATION_ERROR', sprintf($bad, $key, 'string', 'number'), "$key a number");
        }
        refused($site, {}, 400, 'VALIDATION_ERROR', join('; ', map { sprintf $bad, $_, 'string', 'undefined' } qw(name email password)), 'nothing at all');
        refused($site, body(rememberMe => 'true'), 400, 'VALIDATION_ERROR', sprintf($bad, 'rememberMe', 'boolean', 'string'), 'rememberMe as text');
        refused($site, body(image => 1), 400, 'VALIDATION_ERROR', sprintf($bad, 'image', 'string', 'number'), 'image a number');
        refused($site, body(email => 'nobody'), 400, 'VALIDATION_ERROR', '[body.email] Invalid email address', 'not an address');
        refused($site, body(password => ''), 400, 'VALIDATION_ERROR', '[body.password] Too small: expected string to have >=1 characters', 'empty password');
        refused($site, body(password => 'short77'), 400, 'PASSWORD_TOO_SHORT', 'Password too short', 'seven characters');
        refused($site, body(password => "\x{1F600}" x 3), 400, 'PASSWORD_TOO_SHORT', 'Password too short', 'three emoji');
        refused($site, body(password => 'p' x 129), 400, 'PASSWORD_TOO_LONG', 'Password too long', '129 characters');
        refused($site, body(password => "\x{1F600}" x 65), 400, 'PASSWORD_TOO_LONG', 'Password too long', '130 units');
        refused($site, body(callbackURL => 'https://evil.test/'), 403, 'INVALID_CALLBACK_URL', 'Invalid callbackURL', 'foreign callbackURL');
        refused($site, body(name => 'n' x 256), 422, 'FAILED_TO_CREATE_USER', 'Failed to create user', 'a name of 256 characters')
            if dialect($site) eq 'mysql';

        is(post($site, '/sign-up/email', body())->{status}, 200, 'first come');
        refused($site, body(email => 'ZOE@example.com', name => 'other'), 422, 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL',
            'User already exists. Use another email.', 'an address twice, in other case');
        is((sql($site, 'SELECT name FROM user'))[0][0], 'Zoë', 'the first user is untouched');
    };

    subtest 'hostile: foreign pages' => sub {
        clean($site);
        my $evil = post($site, '/sign-up/email', body(), origin => 'https://evil.test');
        error_is($evil, 403, 'INVALID_ORIGIN', 'Invalid origin', 'a foreign page');
        error_is(post($site, '/sign-up/email', body(), origin => 'null'), 403, 'MISSING_OR_NULL_ORIGIN', 'Missing or null Origin', 'an opaque origin');
        my $cross = request($site, POST => '/api/auth/sign-up/email', headers => ['Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Mode' => 'navigate'],
            form => [name => 'F', email => 'form@example.com', password => PASSWORD], origin => ORIGIN);
        error_is($cross, 403, 'CROSS_SITE_NAVIGATION_LOGIN_BLOCKED',
            'Cross-site navigation login blocked. This request appears to be a CSRF attack.', 'a foreign form');
        is(user_count($site), 0, 'nobody was stored');
    };
};

done_testing;
