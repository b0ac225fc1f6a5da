#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use utf8;
use BATest;

sub update { my ($site, $user, $body, %o) = @_; return post($site, '/update-user', $body, cookie => $user->{cookie}, %o) }
sub who { my ($site, $user) = @_; return request($site, GET => '/api/auth/get-session', cookie => $user->{cookie})->{json}{user} }

each_site {
    my ($site) = @_;
    my $ada = sign_up($site, email => 'ada@example.com', name => 'Ada', image => '/ada.png');
    my $bob = sign_up($site, email => 'bob@example.com', name => 'Bob');

    subtest 'success' => sub {
        my $answer = update($site, $ada, { name => 'Ada Lovelace 𝒜 "<é' });
        json_is($answer, 200, 'a name');
        is($answer->{body}, '{"status":true}', 'body');
        is_deeply(cookies($answer), { '' => ['better-auth.session_token'], 'better-auth.session_token' => {
            value => (split /=/, $ada->{cookie}, 2)[1], attributes => 'Max-Age=604800; Path=/; HttpOnly; SameSite=Lax' } }, 'the cookie comes again');
        my $user = who($site, $ada);
        is($user->{name}, 'Ada Lovelace 𝒜 "<é', 'is told from now on');
        is($user->{image}, '/ada.png', 'the image stays');
        is($user->{createdAt}, $ada->{user}{createdAt}, 'createdAt stays');
        cmp_ok($user->{updatedAt}, 'gt', $ada->{user}{updatedAt}, 'updatedAt moves');

        is(update($site, $ada, { image => 'https://x.test/' . 'i' x 2000 })->{status}, 200, 'an image');
        is(who($site, $ada)->{image}, 'https://x.test/' . 'i' x 2000, 'is whole');
        is(who($site, $ada)->{name}, 'Ada Lovelace 𝒜 "<é', 'the name stays');
        is(update($site, $ada, { name => '', image => undef })->{status}, 200, 'both');
        is_deeply([@{ who($site, $ada) }{qw(name image)}], ['', undef], 'null takes the image away, a name may be empty');
        is(update($site, $ada, { image => 'keep' })->{status}, 200, 'a word that our statement uses');
        is(who($site, $ada)->{image}, 'keep', 'is a value like others');
        is_deeply(who($site, $bob), $bob->{user}, 'nobody else changed');
    };

    subtest 'not remembered' => sub {
        my $in = post($site, '/sign-in/email', { email => 'bob@example.com', password => PASSWORD, rememberMe => JSON::PP::false });
        my $answer = update($site, { cookie => cookie_header($in) }, { name => 'Bob' });
        is(cookies($answer)->{$_}{attributes}, 'Path=/; HttpOnly; SameSite=Lax', "$_ still ends with the browser") for map { "better-auth.$_" } qw(session_token dont_remember);
    };

    subtest 'what is not mine to change' => sub {
        my @before = sql($site, 'SELECT id, email, emailVerified, createdAt FROM user ORDER BY id');
        my %more = (id => 'x', emailVerified => JSON::PP::true, createdAt => '2001-01-01T00:00:00.000Z', role => 'admin', userId => $bob->{user}{id}, email => '');
        is(update($site, $ada, { name => 'Ada', %more })->{status}, 200, 'is left out');
        is_deeply([sql($site, 'SELECT id, email, emailVerified, createdAt FROM user ORDER BY id')], \@before, 'and stays');
        error_is(update($site, $ada, {%more}), 400, undef, 'No fields to update', 'alone it is an error');
    };

    subtest 'each error' => sub {
        my @before = sql($site, 'SELECT * FROM user ORDER BY id');
        my @email = (400, 'EMAIL_CAN_NOT_BE_UPDATED', 'Email can not be updated');
        error_is(update($site, $ada, { email => 'new@example.com' }), @email, 'an address');
        error_is(update($site, $ada, { email => 'ada@example.com', name => 'x' }), @email, 'the own one, with a name');
        error_is(update($site, $ada, { email => $_, name => 'x' }), @email, 'an address as ' . JSON::PP->new->allow_nonref->encode($_)) for 1, JSON::PP::true, [], {};
        error_is(update($site, $ada, {}), 400, undef, 'No fields to update', 'nothing');
        error_is(update($site, $ada, []), 400, 'VALIDATION_ERROR', '[body] Invalid input: expected record, received array', 'a list');
        error_is(update($site, $ada, undef), 400, 'VALIDATION_ERROR', '[body] Invalid input: expected record, received null', 'null');
        my $none = request($site, POST => '/api/auth/update-user', cookie => $ada->{cookie}, origin => ORIGIN);
        error_is($none, 400, 'VALIDATION_ERROR', '[body] Invalid input: expected record, received undefined', 'no body');
        if (is_httpd($site)) {    # npm stores what comes, or answers 500
            for my $value (1, JSON::PP::true, [], {}, "a\0b") {
                my $text = JSON::PP->new->allow_nonref->encode($value);
                error_is(update($site, $ada, { $_ => $value }), 400, 'VALIDATION_ERROR', "[body.$_] Invalid input: expected string", "$_: $text") for qw(name image);
            }
            error_is(update($site, $ada, { name => undef }), 400, 'VALIDATION_ERROR', '[body.name] Invalid input: expected string', 'name: null');
            error_is(update($site, $ada, { name => 'x', image => 1 }), 400, 'VALIDATION_ERROR', '[body.image] Invalid input: expected string', 'one of two');
            error_is(update($site, $ada, { name => '𝒜' x 256 }), 400, 'VALIDATION_ERROR', '[body.name] Too big: expected string to have <=255 characters', '256 characters');
        }
        is_deeply([sql($site, 'SELECT * FROM user ORDER BY id')], \@before, 'nothing was written');
        is(update($site, $ada, { name => '𝒜' x 255 })->{status}, 200, '255 characters fit');
        is(who($site, $ada)->{name}, '𝒜' x 255, 'all of them');
    };

    subtest '/update-session' => sub {
        my @before = sql($site, 'SELECT * FROM session ORDER BY id');
        for my $body ({}, { token => 'mine' }, { expiresAt => '2099-01-01T00:00:00.000Z', userId => $bob->{user}{id}, ipAddress => 'x' }) {
            my $answer = post($site, '/update-session', $body, cookie => $ada->{cookie});
            error_is($answer, 400, undef, 'No fields to update', join ' ', 'fields:', sort keys %$body);
        }
        error_is(post($site, '/update-session', 'x', cookie => $ada->{cookie}), 400, 'VALIDATION_ERROR', '[body] Invalid input: expected record, received string', 'a text');
        is_deeply([sql($site, 'SELECT * FROM session ORDER BY id')], \@before, 'nothing was written');
    };
};

done_testing;
