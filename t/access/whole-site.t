#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# A guard over a whole site: sign-in stays reachable, everything else asks for it, and Require lines that want no user count.
use strict;
use warnings;
use BATest;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my @NAVIGATION = ('Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', Accept => 'text/html');
my $UNAUTHORIZED = { message => 'Unauthorized', code => 'UNAUTHORIZED' };

sub status { my $a = request(@_); return $a ? "$a->{status} " . (header($a, 'location') // '-') : 'no answer' }

clean('whole-site');

subtest 'a walk from outside' => sub {
    my $site = 'whole-site';
    my $email = new_email();

    subtest 'the pages' => sub {
        is(status($site, GET => '/members/page.html?a=1', headers => \@NAVIGATION), '302 /auth/sign-in?callbackURL=%2Fmembers%2Fpage.html%3Fa%3D1', 'a page sends to sign-in');
        for my $page (qw(sign-in sign-up)) {
            my $answer = request($site, GET => "/auth/$page?callbackURL=%2Fmembers%2Fpage.html", headers => \@NAVIGATION);
            is($answer->{status}, 200, $page);
            like($answer->{body}, qr/<form/, "$page is whole");
            like($answer->{body}, qr{</html>}, "$page has its foot");
        }
        is(status($site, GET => '/auth/', headers => \@NAVIGATION), '303 /auth/sign-in', 'their root');
        is(status($site, GET => '/auth/style.css'), '200 -', 'their style');
        is(status($site, GET => '/auth/betterauth.js'), '200 -', 'the script');
        is((split / /, status($site, GET => '/auth/nothing', headers => \@NAVIGATION))[0], 404, 'what they lack is 404, not a loop');
        is((split / /, status($site, GET => '/auth/head.html', headers => \@NAVIGATION))[0], 404, 'a part of theirs too');
    };

    subtest 'the API' => sub {
        is(request($site, GET => '/api/auth/ok')->{body}, '{"ok":true}', 'ok');
        is(request($site, GET => '/api/auth/get-session')->{body}, 'null', 'get-session');
        is(request($site, GET => '/api/auth/nothing')->{status}, 404, 'what it lacks is 404');
        is(post($site, '/sign-in/email', { email => $email, password => PASSWORD })->{json}{code}, 'INVALID_EMAIL_OR_PASSWORD', 'sign-in of a stranger');
    };

    my $form = request($site, POST => '/auth/sign-up', origin => ORIGIN,
        form => [name => 'W', email => $email, password => PASSWORD, callbackURL => '/members/page.html']);
    is("$form->{status} " . (header($form, 'location') // '-'), '303 /members/page.html', 'sign-up by form') or diag $form->{body};
    my $cookie = cookie_header($form);
    like(request($site, GET => '/members/page.html', cookie => $cookie, headers => \@NAVIGATION)->{body}, qr/members page/, 'and in');
    is(request($site, GET => '/x/env', cookie => $cookie)->{json}{REMOTE_USER}, $email, 'a program is told who');
    ok(request($site, GET => '/x/echo', cookie => $cookie)->{json}{backend}, 'a back end is reached');
    is(status($site, GET => '/auth/sign-in?callbackURL=%2Fmembers%2F', cookie => $cookie, headers => \@NAVIGATION), '303 /members/', 'sign-in while signed in');
    is(status($site, POST => '/auth/sign-out', cookie => $cookie, origin => ORIGIN, form => []), '303 /', 'sign-out');
    is(request($site, GET => '/members/page.html', cookie => $cookie)->{status}, 401, 'and out');
};

subtest 'everything else' => sub {
    my $site = 'whole-site';
    for my $path ('/', '/index.html', '/members/', '/members/page.html', '/x/env', '/x/echo', '/optional/env', '/basic', '/includes.shtml', '/nothing',
        '/api', '/api/', '/api/authx', '/api/auth.html', '/authx', '/auth-x/env', '/auth/../members/page.html', '/auth/%2e%2e/members/page.html',
        '/api/auth/../../members/page.html', '/auth/..//members/page.html', '/API/auth/ok', '/Auth/sign-in') {
        my $answer = request($site, GET => $path);
        is($answer->{status}, 401, $path);
        is_deeply($answer->{json}, $UNAUTHORIZED, "$path: says so");
    }
    for my $path ('/auth%2f..%2fmembers/page.html', '/auth/..%2fmembers/page.html', '/auth;/sign-in', '/auth/;x/../../members/page.html') {
        my $answer = request($site, GET => $path);
        like($answer->{status}, qr/^4\d\d$/, $path);
        unlike($answer->{body}, qr/members page/, "$path: tells nothing");
    }
    is(request($site, $_ => '/members/page.html')->{status}, 401, $_) for qw(POST PUT DELETE OPTIONS);
    is(request($site, OPTIONS => '*')->{status}, 200, 'OPTIONS * is about the server');
    is(request($site, GET => '/open/env')->{status}, 200, 'Require all granted inside opens its own part');
    is(request($site, GET => '/open/env')->{json}{REMOTE_USER}, undef, 'to nobody in particular');
    like(header(request($site, GET => '/basic/env'), 'www-authenticate') // '', qr/^Basic/, 'another AuthType inside is another door');
    my $basic = basic('alice@example.com', 'basic-password');
    is(request($site, GET => '/basic/env', headers => $basic)->{status}, 200, 'with its own key');
    is(request($site, GET => '/x/env', headers => $basic)->{status}, 401, 'which opens no other');
    expect_log('AH01630');
};

subtest 'Require lines that want no user' => sub {
    expect_log('AH01630');
    my $site = 'whole-site-ip';
    my $user = sign_up('whole-site');
    for my $cookie (undef, $user->{cookie}) {
        my $who = $cookie ? 'signed in' : 'anonymous';
        for my $path ('/auth/', '/auth/sign-in', '/auth/sign-up', '/auth/style.css', '/auth/sign-out') {
            for my $headers ([], \@NAVIGATION) {
                my $answer = request($site, GET => $path, headers => $headers, cookie => $cookie);
                is("$answer->{status} " . (header($answer, 'location') // '-'), '403 -', "$who: $path is refused" . (@$headers ? ' as a page too' : ''));
                unlike($answer->{body}, qr/<form/, "$who: $path tells nothing");
            }
        }
        is(status($site, POST => '/auth/sign-in', cookie => $cookie, origin => ORIGIN, form => [email => $user->{email}, password => PASSWORD]), '403 -', "$who: a form post too");
        is(post($site, '/sign-up/email', { name => 'x', email => new_email(), password => PASSWORD }, cookie => $cookie)->{status}, 403, "$who: Require all denied on an endpoint");
        is(request($site, GET => '/api/auth/ok', cookie => $cookie)->{status}, 200, "$who: the rest of the API is open");
    }
    is(user_count($site), user_count('whole-site'), 'nothing was stored');
    my $in = post($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD });
    is($in->{status}, 200, 'sign-in by the API works');
    is(request($site, GET => '/members/page.html', cookie => cookie_header($in))->{status}, 200, 'and opens the rest');
    is(request($site, GET => '/members/page.html')->{status}, 401, 'which is guarded');
};

done_testing;
