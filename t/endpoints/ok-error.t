#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use BATest;

each_site {
    my ($site) = @_;

    subtest '/ok' => sub {
        my $answer = request($site, GET => '/api/auth/ok');
        json_is($answer, 200, 'answers');
        is($answer->{body}, '{"ok":true}', 'body');
    };

    subtest '/error' => sub {
        my %where = (
            ''                                                     => '/?error=UNKNOWN',
            '?error=access_denied'                                 => '/?error=access_denied',
            "?error=it's-odd_1"                                    => '/?error=it%27s-odd_1',
            '?error=a%20b'                                         => '/?error=UNKNOWN',
            '?error=%3Cscript%3E&error_description=x'              => '/?error=UNKNOWN&error_description=x',
            '?error=a&error_description=two+words%20%26%20%3Cb%3E' => '/?error=a&error_description=two+words+%26+%3Cb%3E',
            '?error=a&error_description=x%0d%0aSet-Cookie:%20a=b'  => '/?error=a&error_description=x%0D%0ASet-Cookie%3A+a%3Db',
        );
        for my $query (sort keys %where) {
            my $answer = request($site, GET => "/api/auth/error$query");
            is("$answer->{status} " . (header($answer, 'location') // '-'), "302 $where{$query}", "query '$query'");
            is_deeply(cookies($answer)->{''}, [], 'sets no cookie');
        }
    };

    subtest 'everything else is 404 without a body' => sub {
        my @none = (['GET', ''], ['GET', '/'], ['GET', '/nothing'], ['GET', '/ok/'], ['GET', '/OK'], ['POST', '/ok'],
            ['GET', '/sign-in/email'], ['GET', '/sign-up/email'], ['PUT', '/ok'], ['DELETE', '/get-session'], ['OPTIONS', '/ok'],
            ['GET', '/ok/../../auth/okay'], ['POST', '/session'], ['POST', '/forget-password'], ['GET', '/set-password']);
        for (@none) {
            my ($method, $path) = @$_;
            my $answer = request($site, $method => "/api/auth$path");
            is("$answer->{status} [$answer->{body}]", '404 []', "$method '$path'");
        }
        is(request($site, GET => '/api/auth/ok%00')->{status}, 404, 'a NUL in the path');
        is(request($site, GET => '/api/auth/x/../ok')->{body}, '{"ok":true}', 'dot segments are resolved first');
        my $head = request($site, HEAD => '/api/auth/ok');
        is("$head->{status} [$head->{body}]", '404 []', 'HEAD');
    };
};

done_testing;
