#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use BATest;

sub revoke { my ($site, $user, $body) = @_; return post($site, '/revoke-session', $body, cookie => $user->{cookie}) }
sub tokens { my ($site) = @_; return [sort map { $_->[0] } sql($site, 'SELECT token FROM session')] }

sub sign_in { my ($site, $email) = @_; my $in = post($site, '/sign-in/email', { email => $email, password => PASSWORD }); return { cookie => cookie_header($in), token => $in->{json}{token} } }

sub status_true {
    my ($answer, $name) = @_;
    json_is($answer, 200, $name);
    is($answer->{body}, '{"status":true}', "$name: body");
    is_deeply(cookies($answer)->{''}, [], "$name: sets no cookie");
}

each_site {
    my ($site) = @_;
    my $ada = sign_up($site, email => 'ada@example.com');
    my $bob = sign_up($site, email => 'bob@example.com');

    subtest '/revoke-session' => sub {
        my ($phone, $tablet) = map { sign_in($site, 'ada@example.com') } 1 .. 2;
        status_true(revoke($site, $ada, { token => $phone->{token} }), 'another of mine');
        no_session($site, $phone->{cookie}, 'which is over at once');
        is_deeply(tokens($site), [sort map { $_->{token} } $ada, $bob, $tablet], 'and it alone');
        status_true(revoke($site, $ada, { token => $phone->{token} }), 'once more');

        my $left = tokens($site);
        my %not_mine = ('of another user' => $bob->{token}, unknown => 'x' x 32, empty => '', long => 't' x 5000, quotes => "' OR '1'='1", 'as the cookie has it' => signed($tablet->{token}));
        if (is_httpd($site)) {    # npm lets the collation decide
            $not_mine{'in other case'} = $tablet->{token} =~ tr/a-zA-Z/A-Za-z/r;
            $not_mine{'with a blank behind'} = "$tablet->{token} ";
        }
        status_true(revoke($site, $ada, { token => $not_mine{$_} }), $_) for sort keys %not_mine;
        is_deeply(tokens($site), $left, 'none of them ends anything');
        is(request($site, GET => '/api/auth/get-session', cookie => $bob->{cookie})->{json}{user}{email}, 'bob@example.com', 'Bob stays signed in');

        status_true(revoke($site, $tablet, { token => $tablet->{token} }), 'the current one');
        no_session($site, $tablet->{cookie}, 'which is over');
        is(revoke($site, $tablet, { token => $ada->{token} })->{status}, 401, 'and may do nothing more');

        my $bad = '[body.token] Invalid input: expected string, received %s';
        error_is(revoke($site, $ada, {}), 400, 'VALIDATION_ERROR', sprintf($bad, 'undefined'), 'no token');
        error_is(revoke($site, $ada, { token => undef }), 400, 'VALIDATION_ERROR', sprintf($bad, 'null'), 'token null');
        error_is(revoke($site, $ada, { token => 7 }), 400, 'VALIDATION_ERROR', sprintf($bad, 'number'), 'a number');
        error_is(revoke($site, $ada, { token => [$ada->{token}] }), 400, 'VALIDATION_ERROR', sprintf($bad, 'array'), 'a list');
        is_deeply(tokens($site), [sort map { $_->{token} } $ada, $bob], 'errors end nothing');
    };

    subtest '/revoke-other-sessions' => sub {
        my @others = map { sign_in($site, 'ada@example.com') } 1 .. 3;
        status_true(post($site, '/revoke-other-sessions', {}, cookie => $others[1]{cookie}), 'from the second');
        no_session($site, $_->{cookie}, 'the others are over') for $ada, @others[0, 2];
        is_deeply(tokens($site), [sort $others[1]{token}, $bob->{token}], 'this one and those of others live');
        # npm reads a hundred of them, and only such as have not expired.
        if (is_httpd($site)) {
            my ($end) = map { $_->[0] } sql($site, "SELECT expiresAt FROM session WHERE token = '$bob->{token}'");
            my $past = dialect($site) eq 'mysql' ? '2001-01-01 00:00:00' : '2001-01-01T00:00:00.000Z';
            my ($id) = map { $_->[0] } sql($site, "SELECT id FROM user WHERE email = 'ada\@example.com'");
            sql($site, 'INSERT INTO session (id, token, userId, expiresAt, createdAt, updatedAt) VALUES '
                . join ', ', map { my $until = $_ % 2 ? $end : $past; "('s$_', 'token$_', '$id', '$until', '$past', '$past')" } 1 .. 250);
            status_true(post($site, '/revoke-other-sessions', undef, cookie => $others[1]{cookie}), 'with 250, and null as body');
            is_deeply(tokens($site), [sort $others[1]{token}, $bob->{token}], 'all of them end');
        }
        $ada = $others[1];
    };

    subtest '/revoke-sessions' => sub {
        my $other = sign_in($site, 'ada@example.com');
        my $answer = request($site, POST => '/api/auth/revoke-sessions', cookie => $ada->{cookie}, origin => ORIGIN);
        status_true($answer, 'without a body');
        no_session($site, $_->{cookie}, 'over') for $ada, $other;
        is_deeply(tokens($site), [$bob->{token}], 'those of other users live');
        is(post($site, '/revoke-sessions', {}, cookie => $ada->{cookie})->{status}, 401, 'once more: nobody');
        is(sign_in($site, 'ada@example.com')->{token} ne $ada->{token}, 1, 'signing in again works');
    };

    subtest 'over at once, whichever child answers' => sub {
        my $user = sign_up($site);
        my $page = is_httpd($site) ? '/members/page.html' : '/api/auth/get-session';
        my $count = flavour() eq 'plain' && is_httpd($site) ? 250 : 25;
        # Every child and thread has seen it.
        parallel(8, sub { request($site, GET => $page, cookie => $user->{cookie}) for 1 .. 10; return 'done' });
        is(request($site, GET => $page, cookie => $user->{cookie})->{status}, 200, 'a session');
        status_true(revoke($site, $user, { token => $user->{token} }), 'revoked');
        my @said = parallel(8, sub {
            my ($in, $refused) = (0, 0);
            for (1 .. $count) {
                my $answer = request($site, GET => $page, cookie => $user->{cookie});
                $answer && ($answer->{status} == 401 || $answer->{body} eq 'null') ? $refused++ : $in++;
            }
            return "$in in, $refused refused";
        });
        is_deeply(\@said, [("0 in, $count refused") x 8], 8 * $count . ' requests, none let in');
    };
};

done_testing;
