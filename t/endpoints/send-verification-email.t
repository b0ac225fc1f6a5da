#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use BATest;

sub send_to { my ($site, $body, %o) = @_; return post($site, '/send-verification-email', $body, %o) }

sub good {
    my ($answer, $name) = @_;
    json_is($answer, 200, $name);
    is($answer->{body}, '{"status":true}', "$name: body");
    is_deeply(cookies($answer)->{''}, [], "$name: sets no cookie");
}

each_site {
    my ($site) = @_;
    my $ada = sign_up($site, email => 'ada@example.com');
    my $bob = sign_up($site, email => 'bob@example.com');
    my $verified = sub { my ($on) = @_; sql($site, "UPDATE user SET emailVerified = $on WHERE email = 'ada\@example.com'") };
    my @cookie = (cookie => $ada->{cookie});
    is(scalar mails($site), 0, 'sign-up asks nobody');

    subtest 'signed in' => sub {
        good(send_to($site, { email => 'ADA@example.com', callbackURL => '/in?a=b&c' }, @cookie), 'the own address');
        my ($mail) = mails($site);
        is($mail->{to}, 'ada@example.com', 'to the address that is stored');
        my ($token) = $mail->{url} =~ m{^\Q@{[ORIGIN]}\E/api/auth/verify-email\?token=([\w.-]+)&callbackURL=%2Fin%3Fa%3Db%26c$} or diag $mail->{url};
        my ($head, $claims) = map { MIME::Base64::decode_base64url($_) } split /\./, $token;
        is($head, '{"alg":"HS256"}', 'a token as better-auth writes it');
        my ($iat, $exp) = $claims =~ /^\{"email":"ada\@example\.com","iat":(\d+),"exp":(\d+)\}$/ or diag $claims;
        cmp_ok(abs(time - $iat), '<', 60, 'of now');
        is($exp - $iat, 3600, 'for an hour');
        is($token, jwt($claims), 'signed with the secret');
        good(send_to($site, { email => 'ada@example.com' }, @cookie), 'no callback');
        like((mails($site))[-1]{url}, qr/&callbackURL=%2F$/, 'leads home');
        error_is(send_to($site, { email => $_ }, @cookie), 400, 'EMAIL_MISMATCH', 'Email mismatch', $_) for qw(bob@example.com nobody@example.com);
        $verified->(1);
        error_is(send_to($site, { email => 'ada@example.com' }, @cookie), 400, 'EMAIL_ALREADY_VERIFIED', 'Email is already verified', 'verified already');
        is(scalar mails($site), 2, 'two mails in all');
    };

    subtest 'anybody' => sub {
        $verified->(0);
        sql($site, 'DELETE FROM ba_mail; DELETE FROM test_mail;');
        good(send_to($site, { email => 'Ada@Example.com', callbackURL => '/in' }), 'not verified');
        is_deeply([map { $_->{to} } mails($site)], ['ada@example.com'], 'gets a mail');
        good(send_to($site, { email => 'nobody@example.com' }), 'unknown');
        $verified->(1);
        good(send_to($site, { email => 'ada@example.com' }), 'verified');
        is(scalar mails($site), 1, 'get none');
        my $gone = send_to($site, { email => 'nobody@example.com' }, cookie => 'better-auth.session_token=' . signed('x' x 32));
        is("$gone->{status} $gone->{body}", '200 {"status":true}', 'with a session that is none');
    };

    subtest 'each error' => sub {
        $verified->(0);
        sql($site, 'DELETE FROM ba_mail; DELETE FROM test_mail;');
        my @bad = (400, 'VALIDATION_ERROR');
        my $type = '[body.%s] Invalid input: expected string, received %s';
        for my $who ([], \@cookie) {
            my $name = @$who ? 'signed in' : 'anybody';
            error_is(send_to($site, {}, @$who), @bad, sprintf($type, 'email', 'undefined'), "$name: nothing");
            error_is(send_to($site, { email => undef }, @$who), @bad, sprintf($type, 'email', 'null'), "$name: null");
            error_is(send_to($site, { email => ['ada@example.com'] }, @$who), @bad, sprintf($type, 'email', 'array'), "$name: a list");
            error_is(send_to($site, { email => JSON::PP::true }, @$who), @bad, sprintf($type, 'email', 'boolean'), "$name: true");
            error_is(send_to($site, { email => $_ }, @$who), @bad, '[body.email] Invalid email address', "$name: '$_'")
                for '', 'ada', 'ada@example.com,eve@example.com', "ada\@example.com\r\nBcc: eve\@example.com", 'ada@example.com ', "\x{e5}da\@example.com";
            error_is(send_to($site, { email => 'ada@example.com', callbackURL => undef }, @$who), @bad, sprintf($type, 'callbackURL', 'null'), "$name: callbackURL null");
            error_is(send_to($site, { email => 'ada@example.com', callbackURL => $_ }, @$who), 400, undef, 'Invalid callbackURL: expected a string', "$name: callbackURL is no text") for 7, ['/'];
            error_is(send_to($site, { email => 'ada@example.com', callbackURL => $_ }, @$who), 403, 'INVALID_CALLBACK_URL', 'Invalid callbackURL', "$name: $_")
                for '//evil.test', 'https://evil.test', '/\\evil.test', 'in', '/' . 'a' x 2048;
            error_is(send_to($site, [], @$who), @bad, '[body] Invalid input: expected object, received array', "$name: a list as body");
        }
        error_is(request($site, POST => '/api/auth/send-verification-email'), @bad, '[body] Invalid input: expected object, received undefined', 'no body');
        error_is(request($site, POST => '/api/auth/send-verification-email', body => 'x', headers => ['Content-Type' => 'application/json']), 400, 'BAD_REQUEST', 'Invalid JSON in request body', 'no JSON');
        error_is(send_to($site, { email => 'ada@example.com' }, @cookie, origin => undef), 403, 'MISSING_OR_NULL_ORIGIN', 'Missing or null Origin', 'a cookie from nowhere');
        is(request($site, GET => '/api/auth/send-verification-email')->{status}, 404, 'GET');
        is(scalar mails($site), 0, 'no mail');
        error_is(send_to(($site =~ s/^mail-//r), { email => 'ada@example.com' }), 400, 'VERIFICATION_EMAIL_NOT_ENABLED', "Verification email isn't enabled", 'no mailer');
    };

    subtest 'sign-up and sign-in that need a verified address' => sub {
        my $strict = $site =~ s/^mail/strict/r;
        clean($strict);
        my %in = (email => 'ada@example.com', password => PASSWORD, callbackURL => '/in');
        my $up = post($strict, '/sign-up/email', { name => 'Ada', %in });
        is($up->{status}, 200, 'signs up');
        is($up->{json}{token}, undef, 'but not in');
        my ($mail) = mails($strict);
        is($mail->{to}, 'ada@example.com', 'is asked');
        like($mail->{url}, qr{/verify-email\?token=[\w.-]+&callbackURL=%2Fin$}, 'with a link');
        is(post($strict, '/sign-up/email', { name => 'Eve', %in })->{status}, 200, 'the same address once more');
        is(scalar mails($strict), 1, 'gets no mail');
        error_is(post($strict, '/sign-in/email', { %in, password => 'wrong horse battery' }), 401, 'INVALID_EMAIL_OR_PASSWORD', 'Invalid email or password', 'a wrong password');
        is(scalar mails($strict), 1, 'sends nothing');
        my $in = post($strict, '/sign-in/email', \%in);
        error_is($in, 403, 'EMAIL_NOT_VERIFIED', 'Email not verified', 'the right one');
        is(scalar mails($strict), 2, 'sends the link again');
        is(session_count($strict), 0, 'nobody is signed in');
        my $claims = MIME::Base64::decode_base64url((split /\./, $mail->{url})[-2]);
        my ($iat, $exp) = $claims =~ /"iat":(\d+),"exp":(\d+)/;
        is($exp - $iat, 600, 'BetterAuthVerifyExpiresIn');
        my ($path) = $mail->{url} =~ m{^http://auth\.test(/.*)$};
        is(header(request($strict, GET => $path), 'location'), '/in', 'the link');
        is(post($strict, '/sign-in/email', \%in)->{status}, 200, 'now sign-in works');
        is(scalar mails($strict), 2, 'without another mail');
        clean($strict);
    };
} 'mail';

done_testing;
