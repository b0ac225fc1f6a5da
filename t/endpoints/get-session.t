#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use BATest;
use POSIX qw(strftime);

sub get { my ($site, $cookie, $query) = @_; return request($site, GET => '/api/auth/get-session' . ($query // ''), cookie => $cookie) }

sub age {    # as if the session had been made some days ago
    my ($site, $token, $days, $life) = @_;
    sql($site, sprintf q{UPDATE session SET createdAt = '%s', updatedAt = '%1$s', expiresAt = '%s' WHERE token = '%s'},
        moment($site, -$days * 86400), moment($site, $life), $token);
}

sub expires { my ($site, $token) = @_; my ($row) = sql($site, "SELECT expiresAt FROM session WHERE token = '$token'"); return $row && $row->[0] }

each_site {
    my ($site) = @_;
    my $user = sign_up($site, email => 'ada@example.com', name => 'Ada');
    my ($cookie, $token) = @$user{qw(cookie token)};

    subtest 'success' => sub {
        my $answer = get($site, $cookie);
        json_is($answer, 200, 'answers');
        is(header($answer, 'cache-control'), 'no-store', 'is not to be kept');
        is(header($answer, 'pragma'), 'no-cache', 'nor by old caches');
        is_deeply($answer->{json}{user}, $user->{user}, 'the user is the one sign-up told');
        my %session = %{ $answer->{json}{session} };
        is_deeply([sort keys %session], [qw(createdAt expiresAt id ipAddress token updatedAt userAgent userId)], 'keys of the session');
        is($session{token}, $token, 'token');
        is($session{userId}, $user->{user}{id}, 'userId');
        like($session{$_}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, $_) for qw(createdAt updatedAt expiresAt);
        is_deeply(cookies($answer)->{''}, [], 'a young session sets no cookie');
        my $raw = (split /=/, $cookie, 2)[1];
        my $unescaped = $raw =~ s/%([0-9A-F]{2})/chr hex $1/ger;
        for ([ 'unescaped' => $unescaped ], ['in quotes' => qq("$raw")], ['lower-case escapes' => $raw =~ s/(%..)/lc $1/ger]) {
            ok(get($site, "better-auth.session_token=$_->[1]")->{json}, "the cookie $_->[0]");
        }
        ok(get($site, "a=b; $cookie; c=d")->{json}, 'among others');
        my $second = sign_up($site, email => 'bob@example.com');
        is(get($site, "$cookie; $second->{cookie}")->{json}{user}{email}, 'ada@example.com', 'twice: the first counts');
    };

    subtest 'no session is null' => sub {
        my ($value, $mac) = split /\./, (split /=/, $cookie, 2)[1], 2;
        my %none = ('no cookie' => undef, 'an empty one' => 'better-auth.session_token=', 'no signature' => "better-auth.session_token=$token",
            'another signature' => 'better-auth.session_token=' . signed($token, 'another secret of the same length'),
            'a truncated signature' => substr($cookie, 0, -6), 'a signature of another token' => "better-auth.session_token=x$token.$mac",
            'another prefix' => 'x' . $cookie, 'the secure name' => "__Secure-$cookie");
        for my $name (sort keys %none) {
            my $answer = get($site, $none{$name});
            is("$answer->{status} $answer->{body}", '200 null', $name);
            is(header($answer, 'content-type'), 'application/json', "$name: as JSON");
            is_deeply(cookies($answer)->{''}, [], "$name: clears nothing");
        }
        my $unknown = get($site, 'better-auth.session_token=' . signed('x' x 32));
        is("$unknown->{status} $unknown->{body}", '200 null', 'an unknown token');
        is_deeply(cookies($unknown)->{''}, [map { "better-auth.$_" } qw(session_token session_data dont_remember)], 'an unknown token is cleared');
    };

    subtest 'refresh' => sub {
        age($site, $token, 2, 5 * 86400);
        my $due = expires($site, $token);
        for my $query ('?disableRefresh=1', '?disableRefresh=false') {
            my $answer = get($site, $cookie, $query);
            is_deeply(cookies($answer)->{''}, [], "$query: no cookie");
            is(expires($site, $token), $due, "$query: no refresh");
        }
        my $answer = get($site, "$cookie; better-auth.dont_remember=" . signed('true'));
        is(expires($site, $token), $due, 'nor with the dont_remember marker');
        $answer = get($site, $cookie);
        is_deeply(cookies($answer), { '' => ['better-auth.session_token'], 'better-auth.session_token' => {
            value => (split /=/, $cookie, 2)[1], attributes => 'Max-Age=604800; Path=/; HttpOnly; SameSite=Lax' } },
            'two days old: the same cookie again, for seven days');
        cmp_ok(expires($site, $token), 'gt', moment($site, 7 * 86400 - 60), 'and the row lives seven days more');
        is($answer->{json}{session}{expiresAt} gt strftime('%Y-%m-%dT%H', gmtime time + 7 * 86400 - 3600), 1, 'and the answer says so');
        is_deeply(cookies(get($site, $cookie))->{''}, [], 'once');
    };

    subtest 'expired' => sub {
        age($site, $token, 8, -1);
        my $answer = get($site, $cookie);
        is("$answer->{status} $answer->{body}", '200 null', 'is null');
        is(scalar @{ cookies($answer)->{''} }, 3, 'and cleared');
        is(session_count($site, "token = '$token'"), 0, 'the row is gone');
    };

    subtest 'errors and hostile' => sub {
        my $bob = sign_up($site);
        my $answer = request($site, POST => '/api/auth/get-session', cookie => $bob->{cookie}, origin => ORIGIN);
        error_is($answer, 405, 'METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED',
            'POST method requires deferSessionRefresh to be enabled in session config', 'POST');
        is(header($answer, 'cache-control'), 'no-store', 'is not to be kept either');
        my $case = $bob->{token} =~ tr/a-zA-Z/A-Za-z/r;
        # npm lets the collation decide and answers with the session here.
        no_session($site, 'better-auth.session_token=' . signed($case), 'another token that a collation calls equal')
            if is_httpd($site);
        for my $token ("' OR '1'='1", "\\' OR 1=1 -- ", '%', '_' x 32, '') {
            no_session($site, 'better-auth.session_token=' . signed($token), "a signed token of '$token'");
        }
        is(session_count($site), 2, 'sessions are left alone');
    };
};

done_testing;
