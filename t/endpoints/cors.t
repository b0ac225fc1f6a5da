#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use BATest;

# Scripts of trusted origins may read what the API says; t/conf/site.conf trusts https://app.example.

my @CORS = qw(access-control-allow-origin access-control-allow-credentials access-control-allow-methods
    access-control-allow-headers vary);

sub cors { my ($answer) = @_; return { map { defined header($answer, $_) ? ($_ => header($answer, $_)) : () } @CORS } }

my %open = (
    'access-control-allow-origin'      => 'https://app.example',
    'access-control-allow-credentials' => 'true',
    'vary'                             => 'Origin',
);

each_site {
    my ($site) = @_;
    my @trusted = (Origin => 'https://app.example');

    my $answer = request($site, GET => '/api/auth/get-session', headers => [@trusted]);
    is_deeply(cors($answer), \%open, 'an answer to a trusted origin');
    is($answer->{body}, 'null', 'is the answer');

    $answer = request($site, POST => '/api/auth/sign-in/email', headers => [@trusted, 'Content-Type' => 'application/json'],
        body => '{"email":"x","password":"y"}');
    is($answer->{status}, 400, 'an error');
    is_deeply(cors($answer), \%open, 'may be read too');

    my @ask = ('Access-Control-Request-Method' => 'POST', 'Access-Control-Request-Headers' => 'content-type');
    $answer = request($site, OPTIONS => '/api/auth/sign-in/email', headers => [@trusted, @ask]);
    is($answer->{status}, 204, 'a preflight');
    is_deeply(cors($answer), { %open, 'access-control-allow-methods' => 'GET, POST',
        'access-control-allow-headers' => 'content-type, authorization' }, 'says what is allowed');

    for my $origin ('https://evil.example', 'https://app.example.evil.test', 'null', 'https://app.example:444') {
        $answer = request($site, OPTIONS => '/api/auth/sign-in/email', headers => [Origin => $origin, @ask]);
        is($answer->{status}, 404, "no preflight for $origin");
        is_deeply(cors($answer), {}, 'and no word of CORS');
        is_deeply(cors(request($site, GET => '/api/auth/ok', headers => [Origin => $origin])), {}, 'nor with an answer');
    }
};

done_testing;
