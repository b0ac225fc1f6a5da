#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The example of a theme, as it stands: documents, words and style of its own, and all else from the installed set;
# in a browser (theme.mjs) nothing is blocked and everything can be read.
use strict;
use warnings;
use utf8;
use BATest -own;
use BATest::Sites;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};
my ($chromium) = grep { -x } $ENV{BA_CHROMIUM} // (), map { my $dir = $_; map { "$dir/$_" } qw(chromium chromium-browser) } split /:/, $ENV{PATH};

my $NAME = 'theme';
my $state = BATest::state();
my $example = "$state->{srcdir}/examples/theme";
my $conf = BATest::_slurp("$example/httpd.conf") =~ s{/srv/www/theme}{$example}gr;
my $httpd = private_httpd(name => $NAME, extra => "AddType image/svg+xml .svg\n$conf    Redirect 429 /busy\n    Redirect 503 /away\n    Redirect 410 /gone\n    ErrorDocument 410 /auth/error\n    ErrorDocument 429 /auth/error\n    ErrorDocument 503 /auth/error\n");

sub page { my ($path, @o) = @_; my $answer = request($NAME, GET => $path, @o); utf8::decode($answer->{body}); return $answer }

my $in = page('/auth/sign-in');
is($in->{status}, 200, 'the page of its own');
like($in->{body}, qr{<h1>Come aboard</h1>.*The reading room is open.*Get a reader’s card}s, 'has its words');
unlike($in->{body}, qr/name="remember"|an error occurred|<!--#|[{}]/, 'and its fields');
like($in->{body}, qr{style\.css">\s*<link rel="stylesheet" href="/auth/brand\.css">\s*<link rel="stylesheet" href="/theme/theme\.css">}, 'its style goes last');
is(request($NAME, GET => $_)->{status}, 200, $_) for $in->{body} =~ /(?:href|src)="(\/(?:auth|theme)\/[^"]+\.(?:css|js|svg))"/g;
like(page('/auth/sign-in', headers => ['Accept-Language' => 'de'])->{body}, qr{<h1>An Bord kommen</h1>.*Der Lesesaal.*Passwort}s, 'in German, too');
is(header(page('/.well-known/change-password'), 'location'), 'http://auth.test/auth/account/password', 'the way of password managers');
like(page('/auth/sign-up')->{body}, qr{<h1>Your reader’s card</h1>.*<label for="password">Password}s, 'an installed document with its words');
for my $case ([404, '/nowhere', 'Not in our catalogue'], [429, '/busy', 'Too many requests'], [503, '/away', 'Not available'], [410, '/gone', 'Not accepted']) {
    my ($status, $path, $words) = @$case;
    my $answer = page($path, headers => [Accept => 'text/html']);
    is($answer->{status}, $status, "an error of httpd: $status");
    like($answer->{body}, qr{<h1>$words</h1>.*/theme/theme\.css|/theme/theme\.css.*<h1>$words</h1>}s, 'in the same look');
}

SKIP: {
    skip 'no chromium', 1 unless $chromium;
    local $ENV{BA_CHROMIUM}  = $chromium;
    local $ENV{BA_SITE_PORT} = BATest::_site($NAME)->{port};
    open my $out, '-|', $state->{node}, "$state->{srcdir}/t/examples/theme.mjs" or die $!;
    my @lines = <$out>;
    ok(close($out), 'in a browser') or diag @lines;
}

done_testing;
