#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use utf8;
use BATest;
use Time::HiRes qw(time);

# Password "correct horse battery" as better-auth writes it.
my $SCRYPT = '000102030405060708090a0b0c0d0e0f:70cc7d605f9fd0bfd324b3978bd79ee81076d98810046ed91604c3cb8aa6957761a2b0b97abf1e7c417ec4a9baa7bd1ce53449880d90dc1117c88d69b4f0b72e';

sub sign_in {
    my ($site, $body, %o) = @_;
    return post($site, '/sign-in/email', { password => PASSWORD, %$body }, %o);
}

sub refused {
    my ($site, $body, $status, $code, $message, $name) = @_;
    my $before = session_count($site);
    error_is(sign_in($site, $body), $status, $code, $message, $name);
    is(session_count($site), $before, "$name: makes no session");
}

each_site {
    my ($site) = @_;
    my $user = sign_up($site, email => 'ada@example.com', name => 'Ada');

    subtest 'success' => sub {
        my $answer = sign_in($site, { email => 'ADA@Example.com' });
        json_is($answer, 200, 'signs in');
        my $token = $answer->{json}{token};
        is_deeply($answer->{json}, { redirect => JSON::PP::false, token => $token, user => $user->{user} }, 'body');
        isnt($token, $user->{token}, 'the session is a new one');
        my $cookie = cookies($answer)->{'better-auth.session_token'};
        is_deeply($cookie, { value => signed($token), attributes => 'Max-Age=604800; Path=/; HttpOnly; SameSite=Lax' }, 'cookie');
        is(session_count($site), 2, 'the first session stays');
        my $bounced = sign_in($site, { email => 'ada@example.com', callbackURL => '/members/?a=b' });
        is($bounced->{status}, 200, 'a callbackURL');
        ok($bounced->{json}{redirect}, 'redirect is true');
        is($bounced->{json}{url}, '/members/?a=b', 'url');
        is(header($bounced, 'location'), '/members/?a=b', 'Location');
        my $form = request($site, POST => '/api/auth/sign-in/email', origin => ORIGIN,
            form => [email => 'ada@example.com', password => PASSWORD]);
        json_is($form, 200, 'as a form');
        my $bare = request($site, POST => '/api/auth/sign-in/email', json => { email => 'ada@example.com', password => PASSWORD });
        is($bare->{status}, 200, 'a bare client, without Origin');
    };

    subtest 'rememberMe' => sub {
        my $answer = sign_in($site, { email => 'ada@example.com', rememberMe => JSON::PP::false });
        my $cookies = cookies($answer);
        is_deeply($cookies->{''}, [qw(better-auth.session_token better-auth.dont_remember)], 'two cookies');
        is($cookies->{$_}{attributes}, 'Path=/; HttpOnly; SameSite=Lax', "$_ ends with the browser") for @{ $cookies->{''} };
        is($cookies->{'better-auth.dont_remember'}{value}, signed('true'), 'the marker is signed');
        my $days = dialect($site) eq 'mysql' ? 'TIMESTAMPDIFF(SECOND, createdAt, expiresAt)'
            : "CAST(ROUND((julianday(expiresAt) - julianday(createdAt)) * 86400) AS INTEGER)";
        my ($row) = sql($site, "SELECT $days FROM session WHERE token = '$answer->{json}{token}'");
        ok(abs($row->[0] - 86400) <= 1, 'the row lives a day') or diag $row->[0];
    };

    subtest 'each error' => sub {
        my $bad = '[body.%s] Invalid input: expected %s, received %s';
        my %ada = (email => 'ada@example.com');
        refused($site, { email => undef }, 400, 'VALIDATION_ERROR', sprintf($bad, 'email', 'string', 'null'), 'email null');
        refused($site, {}, 400, 'VALIDATION_ERROR', sprintf($bad, 'email', 'string', 'undefined'), 'no email');
        refused($site, { %ada, password => 12345678 }, 400, 'VALIDATION_ERROR', sprintf($bad, 'password', 'string', 'number'), 'a number as password');
        refused($site, { %ada, rememberMe => 1 }, 400, 'VALIDATION_ERROR', sprintf($bad, 'rememberMe', 'boolean', 'number'), 'rememberMe a number');
        refused($site, { %ada, rememberMe => undef }, 400, 'VALIDATION_ERROR', sprintf($bad, 'rememberMe', 'boolean', 'null'), 'rememberMe null');
        refused($site, { email => 'ada' }, 400, 'INVALID_EMAIL', 'Invalid email', 'not an address');
        refused($site, { %ada, password => 'p' x 129 }, 400, 'PASSWORD_TOO_LONG', 'Password too long', '129 characters');
        my @wrong = (401, 'INVALID_EMAIL_OR_PASSWORD', 'Invalid email or password');
        refused($site, { email => 'nobody@example.com' }, @wrong, 'an unknown address');
        refused($site, { %ada, password => 'wrong horse battery' }, @wrong, 'a wrong password');
        refused($site, { %ada, password => '' }, @wrong, 'an empty password');
        refused($site, { %ada, callbackURL => '//evil.test' }, 403, 'INVALID_CALLBACK_URL', 'Invalid callbackURL', 'foreign callbackURL');
        sql($site, "UPDATE account SET providerId = 'github'");
        refused($site, {%ada}, @wrong, 'a user of another provider');
        sql($site, "UPDATE account SET providerId = 'credential', accountId = 'other'");
        refused($site, {%ada}, @wrong, 'accountId is not the user id');
        sql($site, "UPDATE account SET accountId = userId, password = NULL");
        refused($site, {%ada}, @wrong, 'no password stored');
        if (is_httpd($site)) {    # npm answers 500 to this one
            expect_log('BA0605');
            sql($site, "UPDATE account SET password = 'nonsense'");
            refused($site, {%ada}, @wrong, 'nonsense stored');
        }
    };

    subtest 'hashes of other makers' => sub {
        sql($site, "UPDATE account SET password = '$SCRYPT'");
        is(sign_in($site, { email => 'ada@example.com' })->{status}, 200, 'scrypt of better-auth verifies');
        return unless is_httpd($site);
        my $stored = sub { (sql($site, 'SELECT password FROM account'))[0][0] };
        like($stored->(), qr/^\$argon2id\$/, 'and is renewed as argon2id');
        my $renewed = $stored->();
        is(sign_in($site, { email => 'ada@example.com' })->{status}, 200, 'the renewed hash verifies');
        is($stored->(), $renewed, 'and stays');
        sql($site, "UPDATE account SET password = '\$apr1\$saltsalt\$yKUA5oNVoHQBuC/NJnI7Q/'");
        error_is(sign_in($site, { email => 'ada@example.com' }), 401, 'INVALID_EMAIL_OR_PASSWORD', 'Invalid email or password', 'a wrong htpasswd hash');
        my $apr1 = qx(openssl passwd -apr1 -salt saltsalt '${\PASSWORD}');
        chomp $apr1;
        sql($site, "UPDATE account SET password = '$apr1'");
        is(sign_in($site, { email => 'ada@example.com' })->{status}, 200, 'an htpasswd hash verifies');
        like($stored->(), qr/^\$argon2id\$/, 'and is renewed');
    };

    subtest 'hostile: an unknown user costs what a wrong password costs' => sub {
        sql($site, "UPDATE account SET password = '$SCRYPT'") unless is_httpd($site);
        my ($known, $unknown, $close);
        for (1 .. 8) {    # the machine may be busy with something else
            my %took;
            for (1 .. 3) {
                for my $email ('ada@example.com', 'nobody@example.com') {
                    my $start = time;
                    sign_in($site, { email => $email, password => 'wrong horse battery' });
                    push @{ $took{$email} }, time - $start;
                }
            }
            ($known, $unknown) = map { (sort { $a <=> $b } @$_)[1] } @took{'ada@example.com', 'nobody@example.com'};
            last if $close = $unknown > $known * 0.6 && $unknown < $known * 1.6;
        }
        ok($close, 'within reach of each other')
            or diag "known $known s, unknown $unknown s";
    };

    subtest 'hostile: foreign pages' => sub {
        for (['https://evil.test', 'INVALID_ORIGIN', 'Invalid origin'], ['null', 'MISSING_OR_NULL_ORIGIN', 'Missing or null Origin']) {
            my ($origin, $code, $message) = @$_;
            error_is(sign_in($site, { email => 'ada@example.com' }, origin => $origin), 403, $code, $message, "Origin $origin");
        }
        my $fetch = request($site, POST => '/api/auth/sign-in/email', json => { email => 'ada@example.com', password => PASSWORD },
            headers => ['Sec-Fetch-Mode' => 'cors']);
        error_is($fetch, 403, 'MISSING_OR_NULL_ORIGIN', 'Missing or null Origin', 'fetch metadata without an Origin');
    };
};

done_testing;
