#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Sub-requests, internal redirects, error documents, mounted paths: requests that become other requests.
use strict;
use warnings;
use BATest;

each_site {
    my ($site) = @_;
    my $ada = sign_up($site, email => 'ada@example.com', name => 'Ada');

    subtest 'a public page includes a guarded one' => sub {
        expect_log('subrequest setup returned 401', 'AH01630');
        my $anonymous = request($site, GET => '/includes.shtml', headers => [Accept => 'text/html', 'Sec-Fetch-Mode' => 'navigate']);
        is($anonymous->{status}, 200, 'anonymous: the public page stands');
        like($anonymous->{body}, qr/before .* after/s, 'whole');
        unlike($anonymous->{body}, qr/members page|UNAUTHORIZED/, 'without the guarded part, or an answer in its place');
        my $signed_in = request($site, GET => '/includes.shtml', cookie => $ada->{cookie});
        like($signed_in->{body}, qr/before .*members page.* after/s, 'signed in: with it');
        my $env = request($site, GET => '/includes-env.shtml', cookie => $ada->{cookie});
        like($env->{body}, qr/"BETTERAUTH_EMAIL":"ada\@example.com"/, 'a program included is told who asks');
        like(request($site, GET => '/members/includes.shtml', cookie => $ada->{cookie})->{body}, qr/before .*members page.* after/s, 'a guarded page includes a guarded one');
    };

    subtest 'error documents' => sub {
        my $forbidden = request($site, GET => '/forbidden-page/env', cookie => $ada->{cookie});
        is($forbidden->{status}, 403, 'the status stays 403');
        is($forbidden->{json}{BETTERAUTH_EMAIL}, 'ada@example.com', 'the page knows who is signed in');
        my $missing = request($site, GET => '/missing-page/nothing', cookie => $ada->{cookie});
        is($missing->{status}, 404, 'the status stays 404');
        is($missing->{json}{BETTERAUTH_EMAIL}, 'ada@example.com', 'a guarded error page knows it too');
        is($missing->{json}{REMOTE_USER}, 'ada@example.com', 'and REMOTE_USER');
        is(request($site, GET => '/missing-page/nothing')->{status}, 401, 'anonymous: 401 comes first');
    };

    subtest 'other modules hand over' => sub {
        my $answer = request($site, GET => '/members/', cookie => $ada->{cookie});
        is($answer->{status}, 200, 'mod_dir hands the index over');
        my $rewritten = request($site, GET => '/via-rewrite', cookie => $ada->{cookie});
        like($rewritten->{body}, qr/members page/, 'mod_rewrite too');
    };

    subtest 'RequireNone does not let evil in' => sub {
        my $evil = sign_up($site, email => 'evil@example.com');
        is(request($site, GET => '/not-evil/env')->{status}, 200, 'anonymous gets in');
        is(request($site, GET => '/not-evil/env', cookie => $ada->{cookie})->{status}, 200, 'Ada gets in');
        is(request($site, GET => '/not-evil/env', cookie => $evil->{cookie})->{status}, 403, 'evil does not');
    };
};

subtest 'mounted paths stay ours' => sub {
    for my $site (qw(catchall rewritten)) {
        subtest $site => sub {
            my $elsewhere = request($site, GET => '/something');
            ok($elsewhere->{json}{backend}, 'the rest goes to the back end');
            is(request($site, GET => '/api/auth/ok')->{body}, '{"ok":true}', 'the API is ours');
            is(request($site, GET => '/api/auth/nothing')->{status}, 404, 'all of it');
            ok(!request($site, GET => '/api/auth/nothing')->{json}, 'and never the back end\'s');
            like(request($site, GET => '/auth/sign-in')->{body}, qr/<form/, 'the pages are ours');
            like(header(request($site, GET => '/auth/style.css'), 'content-type'), qr{^text/css\b}, 'their style too');
            my $near = request($site, GET => '/api/authx');
            ok($near->{json}{backend}, 'a neighbour of the path is not');
            for my $path ('/x/../api/auth/ok', '/api/./auth/ok') {
                is(request($site, GET => $path)->{body}, '{"ok":true}', "$path is ours");
            }
        };
    }
};

done_testing;
