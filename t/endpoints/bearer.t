#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Authorization: Bearer in place of the cookie: the API, the pages and the guard have one answer.
use strict;
use warnings;
use BATest;

sub bearer { my ($token) = @_; return [Authorization => "Bearer $token"] }
sub plain  { my ($answer) = @_; return header($answer, 'set-auth-token') }

for my $site ($ENV{BA_SITES} ? 'npm-parity-bearer' : qw(bearer bearer-lite)) {
    subtest($site => sub {
        clean($site);
        my $ada = sign_up($site, email => 'ada@example.com');
        my $token = plain($ada->{answer});
        is($token, $ada->{token} . (signed($ada->{token}) =~ /(\..*)/)[0] =~ s/%([0-9A-F]{2})/chr hex $1/ger, 'sign-up tells the token as the cookie has it, decoded');
        is(header($ada->{answer}, 'access-control-expose-headers'), 'set-auth-token', 'and lets scripts read it');

        for ([signed => $token], [encoded => uri_escape($token)], [bare => $ada->{token}]) {
            my $answer = request($site, GET => '/api/auth/get-session', headers => bearer($_->[1]));
            is($answer->{json} && $answer->{json}{user}{email}, 'ada@example.com', "get-session: $_->[0]");
            is(plain($answer), undef, "$_->[0]: no cookie is set, no token told");
        }
        my $bob = sign_up($site, email => 'bob@example.com');
        is(request($site, GET => '/api/auth/get-session', cookie => $bob->{cookie}, headers => bearer($ada->{token}))->{json}{user}{email}, 'ada@example.com', 'it goes before a cookie');

        subtest 'hostile' => sub {
            my $swapped = $ada->{token} =~ tr/a-zA-Z/A-Za-z/r;
            my %none = ('forged' => "$ada->{token}." . 'A' x 43 . '=', 'cut' => substr($token, 0, -2), 'more' => "x$token", 'empty' => '', 'wildcard' => '%', 'quotes' => "'OR'1'='1",
                'long' => 'x' x 5000, 'bytes' => "\xff\xfe" . 'x' x 30, 'a NUL' => "$token%00", 'another secret' => signed($ada->{token}, 'another secret of the same length'));
            # npm lets the collation of MySQL decide.
            $none{'in swapped case'} = $swapped if is_httpd($site);
            for my $name (sort keys %none) {
                my $answer = request($site, GET => '/api/auth/get-session', headers => bearer($none{$name}));
                is("$answer->{status} $answer->{body}", '200 null', $name);
            }
            is(session_count($site), 2, 'sessions are left alone');
            error_is(request($site, POST => '/api/auth/update-user', json => { name => 'x' }, headers => bearer($none{forged})), 401, 'UNAUTHORIZED', 'Unauthorized', 'nobody');
        };

        subtest 'origins' => sub {
            my $answer = request($site, POST => '/api/auth/update-user', json => { name => 'Ada' }, headers => bearer($ada->{token}));
            is($answer->{status}, 200, 'without cookies nobody rides on anything: no Origin is needed');
            ok(plain($answer), 'the cookie is sent again, and so is the token');
            $answer = request($site, POST => '/api/auth/update-user', json => { name => 'x' }, headers => bearer($ada->{token}), cookie => $bob->{cookie});
            error_is($answer, 403, 'MISSING_OR_NULL_ORIGIN', 'Missing or null Origin', 'with a cookie it is');
            if (is_httpd($site)) {
                $answer = request($site, POST => '/api/auth/update-user', json => { name => 'x' }, headers => bearer($ada->{token}), origin => 'https://app.example');
                is(header($answer, 'access-control-expose-headers'), 'X-Retry-After, Retry-After, set-auth-token', 'a trusted origin reads all of them');
            }
        };

        subtest 'a back end' => sub {
            my $told = sub {
                my ($where, $authorization) = @_;
                my %headers = @{ request($site, GET => "/$where/echo", headers => $authorization)->{json}{headers} };
                return join ' ', grep { defined } @headers{ grep { /^(?:authorization|x-auth-email)$/i } sort keys %headers };
            };
            for (qw(guarded optional)) {
                is($told->($_, bearer($token)), 'ada@example.com', "$_: told who it is, and not the token");
                is($told->($_, bearer($ada->{token})), 'ada@example.com', "$_: nor the bare one");
            }
            is($told->('not-guarded', bearer($token)), '', 'not guarded: not told the token either');
            is($told->('forwarded', bearer($token)), "Bearer $token ada\@example.com", 'BetterAuthForwardCookies on: told');
            for my $own ('Bearer of-its-own', 'Bearer its.own.token', 'Basic YTpi') {
                is($told->($_, [Authorization => $own]), $own, "$_: its own is its own: $own") for qw(optional not-guarded);
            }
        } if is_httpd($site);

        subtest 'the guard and the pages' => sub {
            my $who = sub { my ($authorization, %o) = @_; my $a = request($site, GET => '/guarded/env', headers => [@$authorization, Accept => '*/*'], %o); return $a->{json} ? $a->{json}{REMOTE_USER} // "$a->{status}" : $a->{status} };
            is($who->(bearer($token)), 'ada@example.com', 'signed');
            is($who->(bearer($ada->{token})), 'ada@example.com', 'bare');
            is($who->(bearer($token), cookie => $bob->{cookie}), 'ada@example.com', 'before a cookie');
            is($who->(bearer("x$token"), cookie => $bob->{cookie}), 'bob@example.com', 'a bad one leaves the cookie in force');
            is($who->(bearer("x$token")), 401, 'a bad one alone is nobody');
            my $answer = request($site, GET => '/guarded/env', headers => bearer($token));
            is(header($answer, 'vary'), 'Cookie,Authorization', 'caches are told');
            like(header($answer, 'cache-control'), qr/private/, 'and keep it for nobody else');
            is(header(request($site, GET => '/auth/sign-in', headers => bearer($token)), 'location'), '/', 'the sign-in page: signed in already');
        } if is_httpd($site);

        my $out = request($site, POST => '/api/auth/sign-out', json => {}, headers => bearer($token));
        is("$out->{status} $out->{body}", '200 {"success":true}', 'sign-out');
        is(plain($out), undef, 'tells no token');
        is(session_count($site, "token = '$ada->{token}'"), 0, 'and ends the session');
        is(session_count($site), 1, 'no other');
    });
}

subtest 'off, unless it is said' => sub {
    my $user = sign_up('mysql');
    is(header($user->{answer}, 'set-auth-token'), undef, 'no token is told');
    is(request('mysql', GET => '/api/auth/get-session', headers => bearer($user->{token}))->{body}, 'null', 'none is taken');
    is(request('mysql', GET => '/guarded/env', headers => [@{ bearer($user->{token}) }, Accept => '*/*'])->{status}, 401, 'nor by the guard');
} unless $ENV{BA_SITES};

done_testing;
