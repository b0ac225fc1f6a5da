#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use BATest;

my $BODY = '{"status":true,"message":"If this email exists in our system, check your email for the reset link"}';

sub ask { my ($site, $body, %o) = @_; return post($site, '/request-password-reset', $body, %o) }
sub tokens { return sql($_[0], 'SELECT identifier, value FROM verification ORDER BY createdAt') }

sub sent {
    my ($answer, $name) = @_;
    json_is($answer, 200, $name);
    is($answer->{body}, $BODY, "$name: body");
    is_deeply(cookies($answer)->{''}, [], "$name: sets no cookie");
}

each_site {
    my ($site) = @_;
    my $ada = sign_up($site, email => 'ada@example.com', name => 'Ada');

    subtest 'success' => sub {
        sent(ask($site, { email => 'Ada@Example.com', redirectTo => '/new?a=b&c=d' }), 'a known address, in any case');
        my @tokens = tokens($site);
        is(scalar @tokens, 1, 'one token');
        my ($token) = $tokens[0][0] =~ /^reset-password:([a-zA-Z0-9]{24})$/ or diag explain \@tokens;
        is($tokens[0][1], $ada->{user}{id}, 'of the user');
        my @mails = mails($site);
        is_deeply([map { $_->{to} } @mails], ['ada@example.com'], 'one mail, to the address that is stored');
        is($mails[0]{url}, ORIGIN . "/api/auth/reset-password/$token?callbackURL=%2Fnew%3Fa%3Db%26c%3Dd", 'with the link');
        my $life = dialect($site) eq 'mysql' ? 'TIMESTAMPDIFF(SECOND, createdAt, expiresAt)' : q{strftime('%s', expiresAt) - strftime('%s', createdAt)};
        is((sql($site, "SELECT $life FROM verification"))[0][0], 3600, 'good for an hour');
        sent(ask($site, { email => 'ada@example.com' }), 'without a place to come back to');
        like((mails($site))[-1]{url}, qr{\?callbackURL=%2Fauth%2Freset-password$}, 'who names no page of their own gets ours');
        is(scalar(tokens($site)), 2, 'the first token stays');
        sent(ask($site, { email => 'ada@example.com', redirectTo => 'https://app.example/new' }), 'a trusted origin');
        sent(ask($site, { email => 'ada@example.com', redirectTo => '', id => 'x', userId => 'y' }), 'what is unknown is left out');
        sql($site, 'DELETE FROM account');
        sent(ask($site, { email => 'ada@example.com' }), 'who has no password gets a link too');
        is(scalar(mails($site)), 5, 'five mails by now');
    };

    subtest 'nobody' => sub {
        clean($site);
        sign_up($site, email => 'ada@example.com');
        sent(ask($site, { email => $_ }), $_) for qw(eve@example.com ada@example.co ada+x@example.com);
        is_deeply([tokens($site)], [], 'no token');
        is_deeply([mails($site)], [], 'no mail');
    };

    subtest 'each error' => sub {
        my @bad = (400, 'VALIDATION_ERROR');
        my $type = '[body.%s] Invalid input: expected string, received %s';
        my $good = 'ada@example.com';
        error_is(ask($site, {}), @bad, sprintf($type, 'email', 'undefined'), 'nothing');
        error_is(ask($site, { email => undef }), @bad, sprintf($type, 'email', 'null'), 'null');
        error_is(ask($site, { email => 7 }), @bad, sprintf($type, 'email', 'number'), 'a number');
        error_is(ask($site, { email => [$good] }), @bad, sprintf($type, 'email', 'array'), 'a list');
        error_is(ask($site, { email => $_ }), @bad, '[body.email] Invalid email address', "'$_'")
            for '', 'ada', 'ada@', "$good ", " $good", "$good,eve\@example.com", "Ada <$good>", "$good\n", "$good\nBcc: eve\@example.com", 'ada@[127.0.0.1]';
        error_is(ask($site, { email => "$good\0" }), @bad, '[body.email] Invalid input', 'a NUL');
        error_is(ask($site, { email => $good, redirectTo => undef }), @bad, sprintf($type, 'redirectTo', 'null'), 'redirectTo null');
        error_is(ask($site, []), @bad, '[body] Invalid input: expected object, received array', 'a list as body');
        error_is(request($site, POST => '/api/auth/request-password-reset'), @bad, '[body] Invalid input: expected object, received undefined', 'no body');
        error_is(ask($site, { email => $good, redirectTo => $_ }), 400, undef, 'Invalid redirectURL: expected a string', 'redirectTo is no text') for 7, [], {};
        error_is(ask($site, { email => $good, redirectTo => $_ }), 403, 'INVALID_REDIRECT_URL', 'Invalid redirectURL', "redirectTo $_")
            for '//evil.test', 'https://evil.test', 'javascript:x', '/\\evil.test', '/%2fevil.test', 'new', 'https://app.example.evil.test/', '/' . 'a' x 2048;
        error_is(ask($site, { email => $good, callbackURL => '//evil.test' }), 403, 'INVALID_CALLBACK_URL', 'Invalid callbackURL', 'a callback that nobody asked for');
        error_is(request($site, POST => '/api/auth/request-password-reset', body => '{"email"', headers => ['Content-Type' => 'application/json']), 400, 'BAD_REQUEST', 'Invalid JSON in request body', 'half an object');
        error_is(request($site, POST => '/api/auth/request-password-reset', form => [email => $good]), 415, 'UNSUPPORTED_MEDIA_TYPE',
            'Content-Type "application/x-www-form-urlencoded" is not allowed. Allowed types: application/json', 'a form');
        error_is(ask($site, { email => $good }, cookie => 'a=b', origin => 'https://evil.test'), 403, 'INVALID_ORIGIN', 'Invalid origin', 'from elsewhere with a cookie');
        is(request($site, GET => '/api/auth/request-password-reset')->{status}, 404, 'GET');
        is_deeply([tokens($site), mails($site)], [], 'nothing came of it');
    };

    subtest 'no mailer' => sub {
        my $plain = $site =~ s/^mail-//r;
        error_is(ask($plain, { email => $_ }), 400, 'RESET_PASSWORD_DISABLED', "Reset password isn't enabled", $_) for qw(ada@example.com eve@example.com);
        is_deeply([tokens($plain)], [], 'no token');
    };

    subtest 'hashed' => sub {
        my $strict = $site =~ s/^mail/strict/r;
        clean($strict);
        post($strict, '/sign-up/email', { name => '', email => 'ada@example.com', password => PASSWORD });
        sent(ask($strict, { email => 'ada@example.com' }), 'BetterAuthVerificationIdentifier hashed');
        my ($token) = (mails($strict))[-1]{url} =~ m{/reset-password/([a-zA-Z0-9]{24})\?};
        require Digest::SHA;
        is((tokens($strict))[0][0], Digest::SHA::sha256_base64("reset-password:$token") =~ tr{+/}{-_}r, 'the table does not show the token');
        clean($strict);
    };
} 'mail';

done_testing;
