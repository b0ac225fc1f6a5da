#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# BetterAuthDisablePath: neither another spelling nor a page gets to an endpoint that is switched off.
use strict;
use warnings;
use BATest -own;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $NAME = 'disabled';
private_httpd(name => $NAME, extra => <<'END');
    BetterAuthDisablePath /sign-up/email/ /sign-out
    BetterAuthDisablePath /ok
    BetterAuthSkipTrailingSlash on
    MergeSlashes Off
END

sub not_found {
    my ($answer, $name) = @_;
    is("$answer->{status} " . (header($answer, 'content-type') // '') . " $answer->{body}", '404 text/plain;charset=UTF-8 Not Found', $name);
}

my %user = (name => 'x', email => new_email(), password => PASSWORD);

subtest 'the API' => sub {
    not_found(post($NAME, '/sign-up/email', \%user), 'POST');
    not_found(request($NAME, GET => '/api/auth/ok'), 'GET');
    not_found(request($NAME, PUT => '/api/auth/ok'), 'before the method is looked at');
    not_found(request($NAME, POST => '/api/auth/sign-out', body => '{', headers => ['Content-Type' => 'x/y'], cookie => 'a=b', origin => 'https://evil.example'), 'before anything else is looked at');
    is(header(request($NAME, GET => '/api/auth/ok'), 'cache-control'), 'no-store', 'is not to be kept');
};

subtest 'other spellings' => sub {
    for my $path ('//sign-up/email', '/sign-up//email', '/sign-up/email/', '/sign-up/email//', '/sign-up/email///', '/sign-up/./email', '/x/../sign-up/email', '/sign-up/%65mail', '/sign%2dup/email',
        '/sign-up%2femail', '/SIGN-UP/EMAIL', '/sign-up/email%2f', '/sign-up/email?x=y', '/sign-up/email%20', '/sign-up/email;x', '/sign-up/email%00') {
        my $answer = post($NAME, $path, \%user);
        like($answer->{status}, qr/^40[04]$/, $path) or diag $answer->{body};
    }
    is(user_count($NAME), 0, 'nobody has signed up');
    is(request($NAME, GET => '/api/auth/get-session/')->{body}, 'null', 'a slash behind is tolerated where an endpoint is on');
};

subtest 'the pages' => sub {
    for my $page (qw(sign-up sign-out)) {
        is(request($NAME, GET => "/auth/$page")->{status}, 404, "GET $page");
        is(request($NAME, POST => "/auth/$page", form => [%user], origin => ORIGIN)->{status}, 404, "POST $page");
    }
    is(user_count($NAME), 0, 'nobody has signed up');
    my $in = request($NAME, GET => '/auth/sign-in');
    is($in->{status}, 200, 'sign-in is there');
    unlike($in->{body}, qr/sign-up/, 'and does not offer what is not');
};

subtest 'what configtest says' => sub {
    my $site = "BetterAuthSecret 0123456789abcdef0123456789abcdef\nBetterAuthBaseURL http://a.test\nDBDriver sqlite3\nDBDParams /dev/null\n<Location /api/auth>\nSetHandler betterauth\n</Location>\nTraceEnable off\n";
    my ($status, $output) = configtest("${site}BetterAuthDisablePath /ok /sign-up/mail\n");
    is($status, 0, 'an unknown path does not keep httpd from starting');
    like($output, qr{BA0128: BetterAuthDisablePath: there is no endpoint /sign-up/mail}, 'but is told');
    unlike($output, qr{endpoint /ok}, 'a known one is not');
    for my $bad ('sign-up/email', '/') {
        ($status, $output) = configtest("BetterAuthDisablePath $bad\n");
        like($output, qr{BetterAuthDisablePath takes paths below the base path}, "$bad is refused");
    }
};

done_testing;
