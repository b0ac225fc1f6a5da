#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# A virtual host that speaks TLS itself and has no BetterAuthBaseURL: its own address is https, so are its cookies. HTTP/1.1 and HTTP/2.
use strict;
use warnings;
use BATest -own;
use BATest::Sites;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};
my $version = qx{curl --version 2>/dev/null} or plan skip_all => 'needs curl';
system('openssl version >/dev/null 2>&1') == 0 or plan skip_all => 'needs openssl';

my $state = BATest::state();
my ($NAME, $SITE, $COOKIE) = ('tls', 'tls-site', '__Secure-better-auth.session_token');
my @NAVIGATION = ('Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', Accept => 'text/html');
my ($key, $cert) = certificate("$state->{workdir}/tls-" . flavour(), 'auth.test');

my $tls = "    SSLEngine on\n    SSLCertificateFile \"$cert\"\n    SSLCertificateKeyFile \"$key\"\n    Protocols h2 http/1.1\n";
my $httpd = private_httpd(name => $NAME,
    main => BATest::Sites::load(qw(ssl http2)) . "SSLSessionCache shmcb:logs/ssl(512000)\n"
        . BATest::Sites::vhost($SITE, file => BATest::Sites::file($NAME), drop => 'BetterAuthBaseURL', extra => $tls)
        . BATest::Sites::vhost('tls-off', file => BATest::Sites::file($NAME), drop => 'BetterAuthBaseURL', extra => "$tls    BetterAuthSecureCookies off\n")
        . BATest::Sites::vhost('tls-port', file => BATest::Sites::file($NAME), drop => 'BetterAuthBaseURL', extra => "${tls}    ServerName https://auth.test:8443\n"));
my %port = map { $_ => $state->{flavours}{ flavour() }{sites}{$_}{port} } $SITE, 'tls-off', 'tls-port';

# As request(), by curl, which knows TLS and HTTP/2 and checks the certificate.
sub fetch {
    my ($http, $site, $method, $path, %o) = @_;
    my @headers = @{ $o{headers} || [] };
    my $body = exists $o{json} ? JSON::PP->new->canonical->encode($o{json})
        : $o{form} ? join '&', map { uri_escape($o{form}[2 * $_]) . '=' . uri_escape($o{form}[2 * $_ + 1]) } 0 .. @{ $o{form} } / 2 - 1 : undef;
    unshift @headers, 'Content-Type' => exists $o{json} ? 'application/json' : 'application/x-www-form-urlencoded' if defined $body;
    push @headers, Origin => $o{origin} if $o{origin};
    my @cookie = map { (-H => "Cookie: $_") } ref $o{cookie} ? @{ $o{cookie} } : $o{cookie} // ();
    my @named;
    while (my ($k, $v) = splice @headers, 0, 2) { push @named, -H => "$k: $v" }
    open my $in, '-|', 'curl', '-s', '-i', '--raw', '--path-as-is', '--noproxy', '*', '-m', 30, '--cacert', $cert, '--connect-to', "::127.0.0.1:$port{$site}", "--$http",
        '-X', $method, '-H', 'Accept:', '-H', 'User-Agent:', '-H', 'Host: ' . ($o{host} // 'auth.test'), @cookie, @named, (defined $body ? ('--data-binary', $body) : ()),
        "https://auth.test$path" or die "curl: $!";
    my $raw = do { local $/; <$in> // '' };
    close $in;
    my ($spoken) = $raw =~ s{\AHTTP/([\d.]+) (\d+) ?}{HTTP/1.1 $2 } ? $1 : return diag("curl ended with $?") && undef;
    my $answer = BATest::_parse($raw, $method);
    $answer->{http} = $spoken;
    return $answer;
}

my $serial = 0;
sub walk {
    my ($http, $spoken) = @_;
    my $own = "https://auth.test:$port{$SITE}";
    my %user = (name => 'Tess', email => new_email(), password => PASSWORD);
    my $up = fetch($http, $SITE, POST => '/api/auth/sign-up/email', json => \%user, origin => $own);
    is($up->{status}, 200, 'sign-up from its own https origin') or diag explain $up;
    is($up->{http}, $spoken, "HTTP/$spoken is spoken");
    my $cookies = cookies($up);
    is_deeply($cookies->{''}, [$COOKIE], 'one cookie, with its prefix');
    is($cookies->{$COOKIE}{attributes}, 'Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax', 'Secure among its attributes');
    my $cookie = cookie_header($up);

    subtest 'origins' => sub {
        my $in = sub { fetch($http, $SITE, POST => '/api/auth/sign-in/email', json => { email => $user{email}, password => PASSWORD }, cookie => $cookie, @_) };
        is($in->(origin => $own)->{status}, 200, 'its own');
        for my $origin ("http://auth.test:$port{$SITE}", 'http://auth.test', 'https://auth.test', 'https://auth.test:1', "https://evil.test:$port{$SITE}", "https://auth.test:$port{$SITE}.evil.test", 'null') {
            my $answer = $in->(origin => $origin);
            is("$answer->{status} " . ($answer->{json}{code} // '-'), $origin eq 'null' ? '403 MISSING_OR_NULL_ORIGIN' : '403 INVALID_ORIGIN', $origin);
            is_deeply(cookies($answer)->{''}, [], "$origin: no cookie");
        }
        # What a client writes into Host must not become our own address.
        is($in->(origin => 'https://evil.test', host => 'evil.test')->{status}, 403, 'Host does not decide') if $http ne 'http2';
    };

    subtest 'session and guard' => sub {
        is(fetch($http, $SITE, GET => '/api/auth/get-session', cookie => $cookie)->{json}{user}{email}, $user{email}, 'get-session');
        my $page = fetch($http, $SITE, GET => '/members/page.html', cookie => $cookie);
        is($page->{status}, 200, 'the guard lets in');
        like($page->{body}, qr/members page/, 'to the page');
        is(fetch($http, $SITE, GET => '/guarded/env', cookie => $cookie)->{json}{REMOTE_USER}, $user{email}, 'a program is told who');
        is(fetch($http, $SITE, GET => '/guarded/env', cookie => ['a=1', $cookie, 'b=2'])->{status}, 200, 'a Cookie field in parts, as browsers split it') if $http eq 'http2';
        my $plain = $cookie =~ s/^__Secure-//r;
        is(fetch($http, $SITE, GET => '/members/page.html', cookie => $plain)->{status}, 401, 'the name without prefix is nothing here');
        is(fetch($http, $SITE, GET => '/members/page.html')->{status}, 401, 'anonymous: 401');
        my $navigation = fetch($http, $SITE, GET => '/members/page.html?x=1', headers => \@NAVIGATION);
        is("$navigation->{status} " . header($navigation, 'location'), '302 /auth/sign-in?callbackURL=%2Fmembers%2Fpage.html%3Fx%3D1', 'a navigation goes to sign-in');
    };

    subtest 'pages' => sub {
        my $form = sub { fetch($http, $SITE, POST => '/auth/sign-in', form => [email => $user{email}, password => PASSWORD, callbackURL => $_[1] // '/members/'], origin => $_[0]) };
        my $in = $form->($own);
        is("$in->{status} " . (header($in, 'location') // '-'), '303 /members/', 'sign-in by form');
        like(cookies($in)->{$COOKIE}{attributes} // '', qr/; Secure;/, 'sets a Secure cookie');
        is($form->("http://auth.test:$port{$SITE}")->{status}, 403, 'not from the http origin');
        is($form->($own, "$own/members/")->{status}, 303, 'back to the own https address');
        my $elsewhere = $form->($own, "http://auth.test:$port{$SITE}/members/");
        isnt(header($elsewhere, 'location') // '-', "http://auth.test:$port{$SITE}/members/", 'never down to http');
    };

    my $out = fetch($http, $SITE, POST => '/api/auth/sign-out', json => {}, cookie => $cookie, origin => $own);
    is($out->{status}, 200, 'sign-out');
    like(cookies($out)->{$COOKIE}{attributes} // '', qr/Max-Age=0;.*Secure/, 'takes the cookie of that name away');
    is(fetch($http, $SITE, GET => '/members/page.html', cookie => $cookie)->{status}, 401, 'and the page');
}

subtest 'HTTP/1.1' => sub { walk('http1.1', '1.1') };
SKIP: {
    skip 'curl speaks no HTTP/2', 1 unless $version =~ /\bHTTP2\b/;
    subtest 'HTTP/2' => sub { walk('http2', '2') };
}

subtest 'what else decides' => sub {
    my $up = sub { my ($site, $origin) = @_; fetch('http1.1', $site, POST => '/api/auth/sign-up/email', json => { name => 'x', email => new_email(), password => PASSWORD }, origin => $origin, headers => ['Sec-Fetch-Site' => 'same-origin'], cookie => 'a=b') };
    is_deeply(cookies($up->('tls-off', "https://auth.test:$port{'tls-off'}"))->{''}, ['better-auth.session_token'], 'BetterAuthSecureCookies off');
    is($up->('tls-port', 'https://auth.test:8443')->{status}, 200, 'ServerName https://host:port is the address');
    is($up->('tls-port', "https://auth.test:$port{'tls-port'}")->{status}, 403, 'and not the port it listens on');
    my $plain = request($NAME, POST => '/api/auth/sign-up/email', json => { name => 'x', email => new_email(), password => PASSWORD }, origin => ORIGIN);
    is_deeply(cookies($plain)->{''}, ['better-auth.session_token'], 'a plain neighbour keeps its plain cookie');
};

# a newer libssl than mod_ssl was built with; pages under another address than the base URL, which are refused above
my @lines = grep { !/\bAH01882\b|\bBA0504\b/ } log_lines($httpd->error_log);
is(scalar @lines, 0, 'the log knows no trouble') or diag @lines;
done_testing;
