#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use utf8;
use BATest;

sub list { my ($site, $user) = @_; return request($site, GET => '/api/auth/list-sessions', cookie => $user->{cookie}) }

# Rows as another browser of the user would have left them; each made that many seconds ago.
sub add_sessions {
    my ($site, $user, $expires, @ages) = @_;
    sql($site, 'INSERT INTO session (id, token, userId, expiresAt, createdAt, updatedAt) VALUES ' . join ', ',
        map { sprintf q{('s%d', 'token%1$d', '%s', '%s', '%s', '%4$s')}, $_, $user->{user}{id}, moment($site, $expires), moment($site, -$_) } @ages);
}

each_site {
    my ($site) = @_;
    my $ada = sign_up($site, email => 'ada@example.com');
    my $bob = sign_up($site, email => 'bob@example.com');

    subtest 'success' => sub {
        my $here = request($site, GET => '/api/auth/get-session', cookie => $ada->{cookie})->{json}{session};
        my $answer = list($site, $ada);
        json_is($answer, 200, 'answers');
        is_deeply($answer->{json}, [$here], 'the session is told as get-session tells it');
        is_deeply(cookies($answer)->{''}, [], 'sets no cookie');
        is(header($answer, 'cache-control'), 'no-store', 'is not to be kept') if is_httpd($site);

        my $phone = post($site, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD }, headers => ['User-Agent' => 'phone/1 "é"']);
        my ($other) = grep { $_->{token} ne $ada->{token} } @{ list($site, $ada)->{json} };
        is($other->{token}, $phone->{json}{token}, 'a second one, with its token');
        is($other->{userAgent}, 'phone/1 "é"', 'and its browser');
        is(scalar @{ list($site, $bob)->{json} }, 1, 'another user sees only the own one');
    };

    subtest 'only those that live' => sub {
        clean($site);
        $ada = sign_up($site, email => 'ada@example.com');
        add_sessions($site, $ada, -10, 1);
        add_sessions($site, $ada, 3600, 2);
        is_deeply([sort map { $_->{token} } @{ list($site, $ada)->{json} }], [sort $ada->{token}, 'token2'], 'an expired one is left out');
        is(session_count($site), 3, 'and left alone');
        my ($old) = grep { $_->{token} eq 'token2' } @{ list($site, $ada)->{json} };
        is_deeply([@$old{qw(ipAddress userAgent)}], [undef, undef], 'what is NULL is null');
    };

    subtest 'the newest first, at most a hundred' => sub {
        plan skip_all => 'npm has no order' unless is_httpd($site);
        add_sessions($site, $ada, 3600, 10 .. 160);
        my @tokens = map { $_->{token} } @{ list($site, $ada)->{json} };
        is_deeply(\@tokens, [$ada->{token}, 'token2', map { "token$_" } 10 .. 107], 'so many, in that order');
    };
};

done_testing;
