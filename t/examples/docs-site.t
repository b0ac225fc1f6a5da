#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The example of a static site, as it stands: what httpd sends, and what a browser makes of it (docs-site.mjs).
use strict;
use warnings;
use utf8;
use BATest -own;
use BATest::Sites;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};
my ($chromium) = grep { -x } $ENV{BA_CHROMIUM} // (), map { my $dir = $_; map { "$dir/$_" } qw(chromium chromium-browser) } split /:/, $ENV{PATH};
plan skip_all => 'no chromium' unless $chromium;

my $SITE = 'docs-site';
my $MARKUP = q{<img src=x onerror="document.title='run'">&amp;'};
my $state = BATest::state();
my $example = "$state->{srcdir}/examples/docs-site";
my $conf = BATest::_slurp("$example/httpd.conf") =~ s{/srv/www/docs}{$example/htdocs}gr;

# Everything where it is not by default, and a page of its own.
my $other = "$state->{workdir}/$SITE-other";
mkdir $other or die "$other: $!";
open my $page, '>', "$other/index.html" or die "$other: $!";
print {$page} <<'END';
<!DOCTYPE html>
<html lang="de">
<title>Start</title>
<meta name="viewport" content="width=device-width">
<script src="/konto/betterauth.js" defer></script>
<script src="/konto/betterauth.js"></script>
<betterauth-button sign-in-text="Anmelden" sign-out-text="Abmelden von dieser Seite" account-text="Mein Konto" account-url="/mein-konto"></betterauth-button>
<p><a href="#danach">danach</a></p>
END
close $page;

my $main = BATest::Sites::vhost('elsewhere', file => BATest::Sites::file($SITE), drop => 'BetterAuthTrustedOrigins', extra => <<END);
    BetterAuthBasePath /x/api
    BetterAuthPagesPath /konto
    <Location "/api/auth">
        SetHandler none
    </Location>
    <Location "/auth">
        SetHandler none
    </Location>
    <Location "/x/api">
        SetHandler betterauth
    </Location>
    <Location "/konto">
        SetHandler betterauth-pages
    </Location>
    DocumentRoot "$other"
    <Directory "$other">
        Require all granted
        Header set Content-Security-Policy "default-src 'none'; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'"
    </Directory>
END
private_httpd(name => $SITE, main => $main, extra => "AddType text/html .html\nAddType text/javascript .js\n$conf");

sub get { my ($path, %o) = @_; return request(delete $o{site} // $SITE, GET => $path, %o) }
sub caching { my ($answer) = @_; return header($answer, 'cache-control') // 'none' }

subtest 'the script' => sub {
    my $answer = get('/auth/betterauth.js');
    is("$answer->{status} " . header($answer, 'content-type'), '200 text/javascript; charset=utf-8', 'is one');
    is(header($answer, 'x-content-type-options'), 'nosniff', 'and nothing else');
    is(caching($answer), 'max-age=300', 'is kept for a while');
    is(header($answer, 'last-modified'), undef, 'no date');
    is(header($answer, 'content-length'), length $answer->{body}, 'its length');
    is_deeply(cookies($answer)->{''}, [], 'no cookie');
    like($answer->{body}, qr{\Awindow\.betterauth = \{ api: '/api/auth', pages: '/auth'(?:, account: '/auth/account')? \};\n//}, 'says where things are');
    cmp_ok(length $answer->{body}, '<', 9000, 'is small');

    my $etag = header($answer, 'etag');
    is(get('/auth/betterauth.js', headers => ['If-None-Match' => $etag])->{status}, 304, 'has not changed');
    is(get('/auth/betterauth.js', headers => ['If-Modified-Since' => 'Fri, 01 Jan 2038 00:00:00 GMT'])->{status}, 200, 'a date does not say so');
    is(request($SITE, HEAD => '/auth/betterauth.js')->{body}, '', 'HEAD');
    is(request($SITE, POST => '/auth/betterauth.js', form => [])->{status}, 404, 'POST');

    my $moved = get('/konto/betterauth.js', site => 'elsewhere', headers => ['If-None-Match' => $etag]);
    is($moved->{status}, 200, 'other paths: another script');
    like($moved->{body}, qr{\Awindow\.betterauth = \{ api: '/x/api', pages: '/konto'}, 'which knows them');
};

my $eve = sign_up($SITE, email => 'eve@example.com', name => $MARKUP);

subtest 'caches' => sub {
    for my $cookie (undef, $eve->{cookie}) {
        my $who = $cookie ? 'signed in' : 'nobody';
        my $public = get('/guide.html', cookie => $cookie);
        is(caching($public), 'none', "$who: a public page may be kept");
        is(get('/guide.html', cookie => $cookie, headers => ['If-None-Match' => header($public, 'etag')])->{status}, 304, "$who: and is revalidated");
        my $plain = get('/plain/', cookie => $cookie);
        like(caching($plain), qr/private/, "$who: a page with a name in it is private");
        is(join(' ', grep { defined } header($plain, 'etag'), header($plain, 'last-modified')), '', "$who: and has no validator");
    }
    like(caching(get('/members/', cookie => $eve->{cookie})), qr/private/, 'a protected page is private');
};

subtest 'one policy each' => sub {
    my %policy = map { $_ => [headers(get($_), 'content-security-policy')] } qw(/ /auth/sign-in);
    is(scalar @{ $policy{$_} }, 1, $_) for sort keys %policy;
    isnt($policy{'/'}[0], $policy{'/auth/sign-in'}[0], 'not the same');
};

subtest 'markup in a name, by server-side includes' => sub {
    my $body = get('/plain/', cookie => $eve->{cookie})->{body};
    like($body, qr{<strong>&lt;img src=x onerror=}, 'is text');
    unlike($body, qr{<img}, 'and no element');
};

local $ENV{BA_CHROMIUM}  = $chromium;
local $ENV{BA_SITE_PORT} = BATest::_site($SITE)->{port};
local $ENV{BA_ELSEWHERE_PORT} = BATest::_site('elsewhere')->{port};
local $ENV{BA_MARKUP}    = $MARKUP;
local $ENV{BA_PASSWORD}  = PASSWORD;
open my $tap, '-|', $state->{node}, '--test-force-exit', '--test-reporter=tap', "$state->{srcdir}/t/examples/docs-site.mjs" or die $!;
my @lines = <$tap>;
my $clean = close $tap;
my ($passed) = map { /^# pass (\d+)/ } @lines;
ok($clean && $passed, 'in a browser') or diag @lines;
cmp_ok($passed // 0, '>=', 16, ($passed // 0) . ' steps');

done_testing;
