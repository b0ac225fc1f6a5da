#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use BATest;

sub sign_out { my ($site, $cookie, %o) = @_; return request($site, POST => '/api/auth/sign-out', json => {}, cookie => $cookie, origin => ORIGIN, %o) }

# The three deletions, in order, that end a session in the browser.
sub clears {
    my ($answer, $name) = @_;
    my $cookies = cookies($answer);
    is_deeply($cookies->{''}, [map { "better-auth.$_" } qw(session_token session_data dont_remember)], "$name: clears three cookies");
    for (@{ $cookies->{''} }) {
        is_deeply($cookies->{$_}, { value => '', attributes => 'Max-Age=0; Path=/; HttpOnly; SameSite=Lax' }, "$name: $_");
    }
}

each_site {
    my ($site) = @_;

    subtest 'success' => sub {
        my $user = sign_up($site, email => 'ada@example.com');
        my $other = post($site, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD });
        my $answer = sign_out($site, $user->{cookie});
        json_is($answer, 200, 'signs out');
        is($answer->{body}, '{"success":true}', 'body');
        clears($answer, 'sign-out');
        is_deeply([map { $_->[0] } sql($site, 'SELECT token FROM session')], [$other->{json}{token}], 'only this session ended');
        no_session($site, $user->{cookie}, 'its cookie is worth nothing now');
    };

    subtest 'without a session' => sub {
        for (['no body' => undef, {}], ['a forged cookie' => 'better-auth.session_token=abc.def', {}],
            ['an unknown token' => 'better-auth.session_token=' . signed('x' x 32), {}]) {
            my ($name, $cookie) = @$_;
            my $answer = $name eq 'no body' ? request($site, POST => '/api/auth/sign-out') : sign_out($site, $cookie);
            is("$answer->{status} $answer->{body}", '200 {"success":true}', $name);
            clears($answer, $name);
        }
    };

    subtest 'each error' => sub {
        my $user = sign_up($site, email => 'bob@example.com');
        my @cookie = (cookie => $user->{cookie});
        my $bad = sub { request($site, POST => '/api/auth/sign-out', origin => ORIGIN, @cookie, headers => ['Content-Type' => 'application/json'], body => $_[0]) };
        error_is($bad->('null'), 400, 'VALIDATION_ERROR', '[body] Invalid input: expected object, received null', 'null');
        error_is($bad->('[]'), 400, 'VALIDATION_ERROR', '[body] Invalid input: expected object, received array', 'an array');
        error_is($bad->('{"callbackURL":1}'), 400, undef, 'Invalid callbackURL: expected a string', 'a callbackURL that is no text');
        error_is($bad->('{"disableRedirect":"yes"}'), 400, 'VALIDATION_ERROR',
            '[body.disableRedirect] Invalid input: expected boolean, received string', 'disableRedirect as text');
        error_is($bad->('{"callbackURL":"https://evil.test"}'), 403, 'INVALID_CALLBACK_URL', 'Invalid callbackURL', 'a foreign callbackURL');
        error_is($bad->('{'), 400, 'BAD_REQUEST', 'Invalid JSON in request body', 'broken JSON');
        my $form = request($site, POST => '/api/auth/sign-out', origin => ORIGIN, @cookie, form => [a => 1]);
        error_is($form, 415, 'UNSUPPORTED_MEDIA_TYPE',
            'Content-Type "application/x-www-form-urlencoded" is not allowed. Allowed types: application/json', 'a form');
        is(session_count($site), 2, 'nobody was signed out');
    };

    subtest 'hostile: another page signs me out' => sub {
        clean($site);
        my $user = sign_up($site);
        error_is(sign_out($site, $user->{cookie}, origin => 'https://evil.test'), 403, 'INVALID_ORIGIN', 'Invalid origin', 'a foreign page');
        error_is(sign_out($site, $user->{cookie}, origin => undef), 403, 'MISSING_OR_NULL_ORIGIN', 'Missing or null Origin', 'a cookie without Origin');
        is(request($site, GET => '/api/auth/sign-out', cookie => $user->{cookie})->{status}, 404, 'GET is no way out');
        is(session_count($site), 1, 'the session lives');
    };
};

done_testing;
