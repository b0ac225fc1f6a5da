#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Who gets in, and what the others are told.
use strict;
use warnings;
use utf8;
use BATest;
use BATest::Httpd;
use BATest::Sites;

my @NAVIGATION = ('Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', 'Sec-Fetch-Site' => 'same-origin',
    Accept => 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8');
my @OLD_BROWSER = (Accept => 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8');
my @FETCH = ('Sec-Fetch-Mode' => 'cors', 'Sec-Fetch-Dest' => 'empty', Accept => '*/*');

sub redirected {
    my ($site, $path, $to, $name, @headers) = @_;
    my $answer = request($site, GET => $path, headers => \@headers);
    is("$answer->{status} " . (header($answer, 'location') // '-'), "302 $to", $name);
    unlike($answer->{body}, qr/members (?:page|index)/, "$name: nothing of the page is told");
    return $answer;
}

sub refused {
    my ($answer, $name) = @_;
    subtest $name => sub {
        is($answer->{status}, 401, 'status');
        is(header($answer, 'content-type'), 'application/json', 'type');
        is_deeply($answer->{json}, { message => 'Unauthorized', code => 'UNAUTHORIZED' }, 'body');
        like(header($answer, 'www-authenticate'), qr/^Session realm="/, 'a challenge that no browser asks a password for');
        is(header($answer, 'cache-control'), 'no-store', 'not kept');
        is(header($answer, $_), undef, "no $_") for qw(location retry-after);
    };
}

each_site {
    my ($site) = @_;
    my $alice = sign_up($site, email => 'alice@example.com', name => 'Alice');
    my $bob   = sign_up($site, email => 'bob@example.com',   name => 'Bob');

    subtest 'anonymous page navigation' => sub {
        my $sign_in = '/auth/sign-in?callbackURL=';
        redirected($site, '/members/', "$sign_in%2Fmembers%2F", 'a folder', @NAVIGATION);
        redirected($site, '/members/page.html', "$sign_in%2Fmembers%2Fpage.html", 'a page', @NAVIGATION);
        redirected($site, '/members/page.html', "$sign_in%2Fmembers%2Fpage.html", 'without fetch metadata', @OLD_BROWSER);
        redirected($site, '/members/page.html?a=b&c=%2F%26d', "$sign_in%2Fmembers%2Fpage.html%3Fa%3Db%26c%3D%252F%2526d", 'the query comes along', @NAVIGATION);
        redirected($site, '/alice/', "$sign_in%2Falice%2F", 'Require user', @NAVIGATION);
        my $answer = redirected($site, '/members/a%3Fb%25c', "$sign_in%2Fmembers%2Fa%253Fb%2525c", 'what was escaped comes back escaped', @NAVIGATION);
        like(header(request($site, GET => '/members/%C3%A9', headers => \@NAVIGATION), 'location'), qr/^\Q$sign_in\E%2Fmembers%2F(?:%25C3%25A9|%C3%A9)$/, 'letters beyond ASCII');
        is_deeply(cookies($answer)->{''}, [], 'no cookie is set');
        is(header($answer, 'cache-control'), 'no-store', 'no cache keeps the redirect');
        redirected($site, '/always-redirect/env', "$sign_in%2Falways-redirect%2Fenv", 'BetterAuthUnauthenticated redirect', @NAVIGATION);
        redirected($site, '/always-redirect/env', "$sign_in%2Falways-redirect%2Fenv", 'a script too', @FETCH);
        redirected($site, '/pass-valid-user/env', "$sign_in%2Fpass-valid-user%2Fenv", 'pass, where Require refuses all the same', @NAVIGATION);
        redirected($site, 'http://auth.test/members/page.html?a', "$sign_in%2Fmembers%2Fpage.html%3Fa", 'a URL with its host, as to a proxy', @NAVIGATION);
        # what a proxy that asks would say (forward.t) is nothing here
        redirected($site, '/members/page.html?uri=/x', "$sign_in%2Fmembers%2Fpage.html%3Furi%3D%2Fx", 'said by the client', @NAVIGATION,
            'X-Forwarded-Host' => 'app.example', 'X-Forwarded-Proto' => 'https', 'X-Forwarded-Uri' => '/x', 'X-Original-URL' => 'https://app.example/x');
        redirected($site, '//members/page.html', "$sign_in%2F", 'what browsers take for a host', @NAVIGATION);
        my $long = '/members/' . 'x/' x 900;
        my $rest = 2000 - length "$long?";
        redirected($site, "$long?" . 'y' x $rest, $sign_in . uri_escape("$long?" . 'y' x $rest), 'as long as a way back may be', @NAVIGATION);
        redirected($site, "$long?" . 'y' x ($rest + 1), $sign_in . uri_escape($long), 'too long: without the query', @NAVIGATION);
        redirected($site, $long . 'x/' x 200, "$sign_in%2F", 'or to the first page', @NAVIGATION);
        my $sub = request($site, GET => '/members//page.html', headers => \@NAVIGATION);
        is($sub->{status}, 302, 'double slash');
    };

    subtest 'anonymous, no page navigation' => sub {
        refused(request($site, GET => '/members/page.html', headers => \@FETCH), 'fetch');
        refused(request($site, GET => '/members/page.html', headers => [Accept => 'application/json']), 'a client that wants JSON');
        refused(request($site, GET => '/members/page.html'), 'no Accept at all');
        refused(request($site, GET => '/members/page.html', headers => [@OLD_BROWSER, 'X-Requested-With' => 'XMLHttpRequest']), 'an old script');
        refused(request($site, GET => '/members/page.html', headers => ['Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'iframe', Accept => 'text/html']), 'a frame');
        refused(request($site, POST => '/members/page.html', headers => \@FETCH, form => [a => 1]), 'a script that posts');
        refused(request($site, POST => '/members/page.html', headers => [Accept => '*/*'], form => [a => 1]), 'a program that posts');
        refused(request($site, $_ => '/members/page.html', headers => \@NAVIGATION), $_) for qw(PUT DELETE OPTIONS PROPFIND);
        refused(request($site, PUT => '/members/page.html', headers => [@NAVIGATION, 'X-Original-Method' => 'GET']), 'PUT that says it is GET');
        refused(request($site, GET => '/always-401/env', headers => \@FETCH), 'BetterAuthUnauthenticated 401');
        refused(request($site, GET => '/htaccess/', headers => \@FETCH), 'the same from .htaccess');
        # A person sees httpd's own 401 page there, or the operator's ErrorDocument.
        for my $path ('/always-401/env', '/htaccess/') {
            my $page = request($site, GET => $path, headers => \@NAVIGATION);
            is("$page->{status} " . (header($page, 'location') // '-'), '401 -', "$path: a navigation is not redirected either");
        }
        my $head = request($site, HEAD => '/members/page.html', headers => \@FETCH);
        is("$head->{status} [$head->{body}]", '401 []', 'HEAD has no body');
        my $head_page = request($site, HEAD => '/members/page.html', headers => \@NAVIGATION);
        is($head_page->{status}, 302, 'HEAD of a page navigation is like GET');
        my $conditional = request($site, GET => '/members/page.html', headers => ['If-None-Match' => '*', 'If-Modified-Since' => 'Sun, 06 Nov 2094 08:49:37 GMT', Range => 'bytes=0-3']);
        refused($conditional, 'a conditional request learns nothing');
        is(request($site, GET => '/members/nothing-here', headers => \@FETCH)->{status}, 401, 'nor whether something exists');
    };

    subtest 'signed in' => sub {
        my $page = request($site, GET => '/members/page.html', cookie => $alice->{cookie});
        is($page->{status}, 200, 'gets in');
        like($page->{body}, qr/members page/, 'to the page');
        like(header($page, 'cache-control') // '', qr/private|no-store/, 'no shared cache keeps it');
        like(join(', ', headers($page, 'vary')), qr/\bCookie\b/i, 'and the answer varies by cookie');
        like(request($site, GET => '/members/', cookie => $bob->{cookie})->{body}, qr/members index/, 'the index of a folder');
        like(request($site, GET => '/members/sub/', cookie => $bob->{cookie})->{body}, qr/sub index/, 'of a folder below');
        my $slash = request($site, GET => '/members/sub', cookie => $bob->{cookie});
        is($slash->{status}, 301, 'a missing slash is added');
        like(header($slash, 'location'), qr{/members/sub/$}, 'at the right place');
        is(request($site, HEAD => '/members/page.html', cookie => $bob->{cookie})->{status}, 200, 'HEAD');
        is(request($site, OPTIONS => '/members/page.html', cookie => $bob->{cookie})->{status}, 200, 'OPTIONS');
        is(request($site, POST => '/guarded/env', cookie => $bob->{cookie}, form => [a => 1])->{status}, 200, 'POST reaches the program');
        is(request($site, GET => '/members/nothing-here', cookie => $bob->{cookie})->{status}, 404, 'what is not there is 404');
        my $etag = header($page, 'etag');
        my $not_modified = request($site, GET => '/members/page.html', cookie => $alice->{cookie}, headers => ['If-None-Match' => $etag]);
        is($not_modified->{status}, 304, 'not modified');
        is(request($site, GET => '/htaccess/', cookie => $bob->{cookie})->{status}, 200, 'a guard from .htaccess');
    };

    subtest 'signed in, but not allowed' => sub {
        expect_log('AH01630');
        is(request($site, GET => '/alice/', cookie => $alice->{cookie}, headers => \@NAVIGATION)->{status}, 200, 'Alice at Alice\'s');
        for (['navigation', @NAVIGATION], ['fetch', @FETCH]) {
            my ($name, @headers) = @$_;
            my $bob_there = request($site, GET => '/alice/', cookie => $bob->{cookie}, headers => \@headers);
            is("$bob_there->{status} " . (header($bob_there, 'location') // '-'), '403 -', "Bob at Alice's, $name: no loop to sign-in");
            is(request($site, GET => '/any/env', cookie => $bob->{cookie}, headers => \@headers)->{status}, 403, "nested Require, $name");
        }
        is(request($site, GET => '/any/env', headers => \@NAVIGATION)->{status}, 302, 'nested Require, anonymous: sign-in first');
    };

    subtest 'worthless cookies' => sub {
        my $token = $alice->{token};
        my %cookie = (forged => 'better-auth.session_token=' . signed($token, 'another secret of some length 123'),
            unknown => 'better-auth.session_token=' . signed('x' x 32), unsigned => "better-auth.session_token=$token",
            truncated => substr($alice->{cookie}, 0, -5), empty => 'better-auth.session_token=', 'a marker alone' => 'better-auth.dont_remember=' . signed('true'));
        for my $name (sort keys %cookie) {
            refused(request($site, GET => '/members/page.html', cookie => $cookie{$name}, headers => \@FETCH), $name);
            is(request($site, GET => '/members/page.html', cookie => $cookie{$name}, headers => \@NAVIGATION)->{status}, 302, "$name: navigation");
        }
        my $gone = sign_up($site);
        is(request($site, GET => '/members/page.html', cookie => $gone->{cookie})->{status}, 200, 'a session');
        request($site, POST => '/api/auth/sign-out', json => {}, cookie => $gone->{cookie}, origin => ORIGIN);
        refused(request($site, GET => '/members/page.html', cookie => $gone->{cookie}), 'is over with the next request after sign-out');
    };

    subtest 'other doors' => sub {
        my $basic = basic('alice@example.com', 'basic-password');
        is(request($site, GET => '/basic/env', headers => $basic)->{status}, 200, 'Basic works where it is configured');
        refused(request($site, GET => '/guarded/env', headers => $basic), 'and opens no guarded door');
        expect_log('AH01614', 'AH01617', 'AH01618');
        my $foreign = request($site, GET => '/basic/env', cookie => $alice->{cookie});
        is($foreign->{status}, 401, 'a session opens no Basic door');
        for my $path ('/members/../members/page.html', '/./members/page.html', '/%6dembers/page.html', '/members/%70age.html', '/via-rewrite', '/via-alias/page.html', '/x/../members/page.html',
            '/members/.%2e/members/page.html', '//members/page.html') {
            my $status = request($site, GET => $path, headers => \@FETCH)->{status};
            is($status, 401, "$path");
        }
        for my $path ('/members%2fpage.html', '/members/page.html%00', '/members%5cpage.html', '/MEMBERS/page.html', '/members/..;/members/page.html') {
            my $answer = request($site, GET => $path, headers => \@FETCH);
            like($answer->{status}, qr/^4\d\d$/, "$path");
            unlike($answer->{body}, qr/members page/, "$path: tells nothing");
        }
        my $trace = request($site, TRACE => '/members/page.html', cookie => $alice->{cookie});
        unlike($trace->{body}, qr/session_token/, 'TRACE does not echo the cookie');
        my $absolute = request($site, GET => 'http://auth.test/members/page.html', headers => \@FETCH);
        is($absolute->{status}, 401, 'absolute form');
    };

    subtest '.htaccess reaches no server directive' => sub {
        expect_log('BetterAuthSecret not allowed here');
        my $answer = request($site, GET => '/htaccess-bad/', headers => \@NAVIGATION);
        is($answer->{status}, 500, 'it is an error, not an open door');
    };
};

# What configtest cannot see, since it stands in .htaccess, or on a server that forwards.
subtest 'a guard that cannot work lets in nobody' => sub {
    plan skip_all => 'needs httpd' if $ENV{BA_SITES};
    my $root = BATest::state()->{workdir} . '/guard-root-' . flavour();
    my %htaccess = (session => "AuthType Session\nAuthName x\nRequire valid-user\n", granted => "AuthType Session\nAuthName x\nRequire all granted\n",
        require => "AuthName x\nRequire betterauth email-verified\n", role => "AuthType Session\nAuthName x\nRequire betterauth role admin\n");
    for my $folder (sort keys %htaccess) {
        File::Path::make_path("$root/$folder");
        BATest::Httpd::_write("$root/$folder/.htaccess", $htaccess{$folder});
        BATest::Httpd::_write("$root/$folder/page.html", 'a page');
    }
    my $content = qq{    DocumentRoot "$root"\n    <Directory "$root">\n        Require all granted\n        AllowOverride AuthConfig\n    </Directory>\n};
    my $forward = "    ProxyRequests On\n    <Proxy \"*\">\n        AuthType Session\n        AuthName x\n        Require all granted\n    </Proxy>\n";
    my $httpd = private_httpd(name => 'guard-cannot', extra => $content . $forward, main => BATest::Sites::vhost('guard-no-secret', bare => 1, extra => $content));
    my $user = sign_up('guard-cannot');
    for my $row (['guard-no-secret', '/session/page.html', 'BA0131'], ['guard-no-secret', '/granted/page.html', 'BA0131'], ['guard-no-secret', '/require/page.html', 'BA0134'],
        ['guard-cannot', '/require/page.html', 'BA0134'], ['guard-cannot', '/role/page.html', 'BA0173'], ['guard-cannot', 'http://127.0.0.1:' . BATest::_site('guard-no-secret')->{port} . '/', 'BA0132']) {
        my ($site, $path, $tag) = @$row;
        my $log = -s $httpd->error_log;
        my $answer = request($site, GET => $path, cookie => $user->{cookie});
        is($answer->{status}, 500, "$site: $path");
        unlike($answer->{body}, qr/a page/, 'tells nothing');
        is((grep { /$tag/ } log_lines($httpd->error_log, $log)) > 0, 1, "the log says why: $tag");
    }
    is(request('guard-cannot', GET => '/session/page.html', cookie => $user->{cookie})->{body}, 'a page', 'the same where there is a secret');
    $httpd->stop;
};

done_testing;
