# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Hostile;

# Some ten thousand requests that nobody honest sends, each with the statuses that it may have. They follow from tables
# and rules below and from one seed, so that each run sends the same ones.

use strict;
use warnings;
use BATest ();

# Endpoints, what they answer to an empty request of nobody's, and the fields of their bodies: t text, e address,
# b bytes, f flag, u a URL that is checked before all else, * whatever it is; in capitals: it must be there.
my @ROUTES = (
    ['GET',  '/ok',                     200],
    ['GET',  '/error',                  302],
    ['GET',  '/get-session',            200],
    ['POST', '/get-session',            405],
    ['GET',  '/list-sessions',          401],
    ['GET',  '/list-accounts',          401],
    ['GET',  '/verify-email',           400],
    ['GET',  '/reset-password/x',       400],
    ['GET',  '/delete-user/callback',   400],
    ['POST', '/sign-up/email',          400, name => 'T', email => 'E', password => 'B', image => 't', callbackURL => 'u', rememberMe => 'f'],
    ['POST', '/sign-in/email',          400, email => 'T', password => 'B', callbackURL => 'u', rememberMe => 'f'],
    ['POST', '/sign-out',               200, callbackURL => 'u', state => 't', disableRedirect => 'f'],
    ['POST', '/update-user',            400, name => '*', image => '*', email => '*'],
    ['POST', '/change-password',        400, newPassword => 'B', currentPassword => 'B', revokeOtherSessions => 'f'],
    ['POST', '/verify-password',        400, password => 'B'],
    ['POST', '/unlink-account',         400, accountId => 'T'],
    ['POST', '/change-email',           400, newEmail => 'E', callbackURL => 'u'],
    ['POST', '/delete-user',            400, callbackURL => 'u', password => 'b', token => 't'],
    ['POST', '/send-verification-email', 400, email => 'E', callbackURL => 'u'],
    ['POST', '/request-password-reset', 400, email => 'E', redirectTo => 'u'],
    ['POST', '/reset-password',         400, newPassword => 'B', token => 't'],
    ['POST', '/revoke-session',         400, token => 'T'],
    ['POST', '/revoke-sessions',        401],
    ['POST', '/revoke-other-sessions',  401],
    ['POST', '/update-session',         400],
);
my %EMPTY = map { ("$_->[0] $_->[1]" => $_->[2]) } @ROUTES;
my @POST  = grep { $_->[0] eq 'POST' } @ROUTES;
my @GUARDED = qw(/members/page.html /guarded/env /require-verified/env /always-401/env /alice/page.html /forward-verified);

# xorshift: the same numbers on every machine.
my $state;
sub below { my ($n) = @_; $state ^= ($state << 13) & 0xffffffff; $state ^= $state >> 17; $state ^= ($state << 5) & 0xffffffff; return $state % $n }
sub pick { return $_[below(scalar @_)] }

# All of them: { name, raw, status: a pattern, head: no body comes, close: the connection may end }
my @all;

sub add {
    my ($name, $status, $raw, %o) = @_;
    push @all, { name => $name, status => qr/^(?:$status)$/, raw => $raw, %o };
}

# headers is a list; a body brings its length, unless one is given.
sub ask {
    my ($name, $status, $method, $target, %o) = @_;
    my @headers = @{ $o{headers} || [] };
    $status = 400 if $target =~ /#/;    # which browsers keep to themselves
    my $text = "$method $target HTTP/1.1\r\n";
    $text .= "Host: auth.test\r\n" unless $o{no_host};
    $text .= 'Content-Length: ' . length($o{body}) . "\r\n" if defined $o{body} && !$o{no_length};
    while (my ($key, $value) = splice @headers, 0, 2) { $text .= "$key: $value\r\n" }
    add($name, $status, "$text\r\n" . ($o{body} // ''), head => $method eq 'HEAD', close => $o{close});
}

sub json { my ($name, $status, $path, $body, %o) = @_; ask($name, $status, POST => "/api/auth$path", %o, body => $body, headers => ['Content-Type' => 'application/json', @{ $o{headers} || [] }]) }

# ---- methods

sub methods {
    for my $method (qw(GET POST PUT DELETE PATCH HEAD OPTIONS TRACE PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH MERGE VERSION-CONTROL
        M-SEARCH QUERY BREW get Post gET GETGET X), '$', "'", 'A' x 200) {
        for my $path (map { $_->[1] } @ROUTES) {
            my $known = $EMPTY{"$method $path"};
            ask("$method $path", $known // 404, $method, "/api/auth$path");
        }
        for my $path (@GUARDED) {
            ask("$method $path", '4\d\d', $method, $path);
        }
    }
    add("method $_", 400, "$_ /api/auth/ok HTTP/1.1\r\nHost: auth.test\r\n\r\n", close => 1) for 'GE(T', 'G@T', "G\x01T", "G\xc3\xa9T", '{}', 'GET,', 'GET;', '"GET"', 'G:T', 'G[T]';
}

# ---- paths

# What httpd makes of a path: decoded once, slashes merged, dots resolved. undef: it refuses.
sub normal {
    my ($path) = @_;
    return if $path =~ /%(?![0-9a-f]{2})|%00|%2f/i;
    $path =~ s/%([0-9a-f]{2})/chr hex $1/gei;
    $path =~ s{/+}{/}g;
    my @out;
    for my $part (split m{/}, $path =~ s{^/}{}r, -1) {
        next if $part eq '.';
        if ($part eq '..') { return unless @out; pop @out }
        else { push @out, $part }
    }
    my $end = $path =~ m{/\.{1,2}$} ? '/' : '';
    return '/' . join('/', @out) . (@out && $out[-1] ne '' ? $end : '');
}

my @BITS = ('/', '//', '/./', '/../', '%2f', '%2F', '%5c', '\\', '%2e', '%2e%2e/', '..%2f', '%00', '%0a', '%0d%0a', '%20', '%09', '%c0%ae', '%c0%af', '%e0%80%af', '%ff', '%', '%zz', '%2', '%252e', '%25',
    ';', ';x=y', ':', '::$DATA', '~', '*', '?', '??', '%3f', '%23', '|', '<', "\x80", "\xff", "\xef\xbc\x8f", '.', '..', '...', 'A', 'x', '+', '&', '=', '@', '!', "'", '"', '`', '{', '}', '[', ']', '^', '$', ',', '(', ')', '-', '_', '0');

sub paths {
    my ($count) = @_;
    my @api = grep { $_->[0] eq 'GET' } @ROUTES;
    for (1 .. $count) {
        my $base = below(2) ? pick(@GUARDED) : '/api/auth' . pick(@api)->[1];
        my $path = $base;
        for (0 .. below(2)) {
            my $at = below(4) ? below(length($path) + 1) : 0;
            if (below(4) == 0 && $at < length $path && substr($path, $at, 1) =~ m{[a-z/.-]}) { substr $path, $at, 1, sprintf '%%%02x', ord substr $path, $at, 1 }
            elsif (below(5) == 0 && $at < length $path) { substr $path, $at, 1, uc substr $path, $at, 1 }
            else { substr $path, $at, 0, pick(@BITS) }
        }
        $path = "/$path" unless $path =~ m{^/};
        my $raw = $path =~ s/\?.*//sr;
        my $normal = normal($raw);
        # a path that is ours by httpd's own reading is answered as such; a stranger never gets what is guarded
        my $known = defined $normal && $normal =~ m{^/api/auth(/.*)$} ? $EMPTY{"GET $1"} : undef;
        my $open = $base =~ m{^/api} && $path =~ /\?/;
        # what t/conf/site.conf shows to anybody: the front page, and a program below any other name
        my $public = defined $normal && ($normal eq '/' || $normal =~ m{^/(?!(?:guarded|always-401|require-verified)/)[a-z0-9-]+/env$});
        my $link = defined $normal && $normal =~ m{^/api/auth/reset-password/[^/]+$};
        ask("path $path", !defined $known ? ($public ? '200|40[04]' : $link ? '40[04]' : '[34]\d\d') : $open ? "$known|40[01]" : "$known|40[04]", GET => $path, close => 1);
    }
}

# ---- query strings

sub queries {
    my ($count) = @_;
    my @bits = ('a=1', '&', '&&', '=', '%', '%00', '%zz', '+', 'token=', 'token=x', 'token=a.b.c', 'callbackURL=', 'callbackURL=/x', 'callbackURL=//evil.test', 'callbackURL=https://evil.test', 'callbackURL=%2f%2fevil.test',
        'callbackURL=javascript:alert(1)', 'error=<script>', 'error=A', "\xff", '%ff', '%f0%9f%98%80', '[]', 'a[b]=c', 'disableCookieCache=true', 'disableRefresh=1', '?', '#x', ';', "'--", 'x' x 1000, '%0d%0aSet-Cookie:a=b');
    for (1 .. $count) {
        my $query = join pick('&', '&', ''), map { pick(@bits) } 0 .. below(5);
        ask("/get-session?$query", 200, GET => "/api/auth/get-session?$query");
        ask("/ok?$query", 200, GET => "/api/auth/ok?$query");
        ask("/error?$query", 302, GET => "/api/auth/error?$query");
        ask("$_?$query", '302|40[0134]', GET => "/api/auth$_?$query") for qw(/verify-email /reset-password/x /delete-user/callback);
        ask("$_?$query", '401', GET => "/api/auth$_?$query") for qw(/list-sessions /list-accounts);
        ask("/members/page.html?$query", 401, GET => "/members/page.html?$query");
        ask("/auth/sign-in?$query", '200|40[03]', GET => "/auth/sign-in?$query");
        ask("/auth/verify-email?$query", '40[04]', GET => "/auth/verify-email?$query");
    }
}

# ---- where a request says it comes from

# [value, trusted]
my @ORIGINS = (['http://auth.test', 1], ['https://app.example', 1], ['http://auth.test:80', 1], ['HTTP://AUTH.TEST', 1], map { [$_, 0] }
    'null', 'https://evil.test', 'https://auth.test', 'http://auth.test:81', 'http://auth.test.evil.test', 'http://evil-auth.test', 'http://auth.test@evil.test', 'http://evil.test@auth.test', 'http://evil.test#http://auth.test',
    'http://evil.test?http://auth.test', 'http://evil.test/http://auth.test', 'auth.test', '//auth.test', 'http:auth.test', 'http:/auth.test', 'http:///auth.test', "http://auth.test\t", 'http://auth.test%00', 'http://auth.test%2eevil.test', 'http://xn--auth.test',
    "http://\xc3\xa4uth.test", 'http://[::1]', 'http://auth.test,http://evil.test', 'http://evil.test http://auth.test', 'http://app.example', 'https://app.example.evil.test', 'https://app.example:8443', 'https://xapp.example', 'javascript:alert(1)', 'data:,x', 'file://', 'chrome-extension://abc', '*', '.', ' ', 'http://', '://', 'http://*', 'http://auth.test\\@evil.test', 'a' x 2000, 'http://' . 'a.' x 2000);

sub origins {
    my $body = '{}';
    for my $route (@POST) {
        my $good = $route->[2];
        for my $origin (@ORIGINS) {
            my ($value, $trusted) = @$origin;
            # spaces at the end are no part of a header's value
            my $fine = $trusted || $value =~ /^http:\/\/auth\.test\s*$/;
            my $blank = $value =~ /^\s*$/;
            json("$route->[1], Origin $value", $fine ? '200|400|401|405' : 403, $route->[1], $body, headers => [Cookie => 'a=b', Origin => $value]);
            json("$route->[1], Referer $value", $trusted && $value !~ /^HTTP:|:80$/ || $fine ? '200|40[0135]' : 403, $route->[1], $body, headers => [Cookie => 'a=b', Referer => "$value/x?y"]) unless $value =~ /[?#\/]http|^http:\/\/auth\.test[\\,]/;
            next unless $route->[1] =~ /^\/sign-(?:in|up)/;
            json("$route->[1], no cookie, Origin $value", $blank ? 400 : $fine ? 400 : '40[03]', $route->[1], $body, headers => [Origin => $value]);
            json("$route->[1], cross-site, Origin $value", '40[03]', $route->[1], '{"email":"x@y.example","password":"short","name":"x"}',
                headers => [Origin => $value, 'Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Mode' => 'navigate']);
        }
        for my $site ('', 'none', 'same-site', 'cross-site', 'x', 'same-origin,cross-site') {
            for my $mode ('', 'navigate', 'cors', 'x') {
                json("$route->[1], no origin, $site $mode", 403, $route->[1], $body, headers => [Cookie => 'a=b', 'Sec-Fetch-Site' => $site, 'Sec-Fetch-Mode' => $mode]);
            }
        }
    }
}

# ---- cookies

sub cookie {
    my $name = pick('better-auth.session_token', 'better-auth.session_token', 'better-auth.session_data', 'better-auth.session_data.0', 'better-auth.session_data.' . below(200), 'better-auth.dont_remember', '__Secure-better-auth.session_token', 'a', '');
    my $value = pick('', 'x', BATest::signed('A' x 32), BATest::signed('x'), BATest::signed(''), BATest::signed("\xff"), BATest::signed("' OR 1=1 --"), ('B' x 32) . '.' . ('C' x 43) . '=', '.', '...', 'A' x 32, '%', '%00', '%3D', '"', '""', '"x', "\x80\xff", "\xc3\xa9", '{}', 'eyJhbGciOiJub25lIn0.e30.', 'x' x below(3000), '=', '==', ',', '%0d%0a', "\t", 'a b');
    for (1 .. below(4)) {
        my $at = below(length($value) + 1);
        my $what = below(3);
        if ($what == 0) { substr $value, $at, 0, pick('.', '%', '=', '"', "\x80", ' ', "\t", '%2', '%41', ',', '\\', '/', '+', 'x') }
        elsif ($what == 1 && $at < length $value) { substr $value, $at, 1, '' }
        elsif ($at < length $value) { substr $value, $at, 1, chr(33 + below(94)) }
    }
    return $name . pick('=', '=', '=', ' = ', '', '==') . $value;
}

sub cookies {
    my ($count) = @_;
    for my $n (1 .. $count) {
        my $line = join pick('; ', ';', ' ;; ', ', '), map { cookie() } 0 .. below(6);
        $line = substr $line, 0, 8000;
        my $shown = $line =~ s/[^ -~]/?/gr;
        ask("cookie $shown", 200, GET => '/api/auth/get-session', headers => [Cookie => $line]) if $n % 2;
        ask("guard, cookie $shown", 401, GET => pick('/members/page.html', '/guarded/env', '/always-401/env'), headers => [Cookie => $line]) unless $n % 2;
        json("sign-out, cookie $shown", 403, '/sign-out', '{}', headers => [Cookie => $line, Origin => 'https://evil.test']) unless $n % 8;
    }
    ask("$_ cookie lines", $_ > 95 ? 400 : 200, GET => '/api/auth/get-session', headers => [map { (Cookie => 'better-auth.session_token=x') } 1 .. $_], close => 1) for 2, 10, 50, 90, 120, 500;
    ask("a cookie of $_ bytes", $_ > 8150 ? 400 : 200, GET => '/api/auth/get-session', headers => [Cookie => 'better-auth.session_token=' . 'x' x $_], close => 1) for 4000, 8000, 8200, 16_000, 100_000;
    ask("$_ pieces", 200, GET => '/api/auth/get-session', headers => [Cookie => join '; ', map { "better-auth.session_data.$_=x" } 0 .. $_]) for 1, 10, 99, 100, 200;
}

# ---- bodies

my @WRONG = ('null', 'true', 'false', '0', '-1', '1e308', '1e999', '12345678901234567890123', '[]', '[1]', '["x"]', '{}', '{"a":1}', '[[[[]]]]');
my %VALUE = (t => '"x"', e => '"zoe@example.com"', b => '"short"', u => '"/x"', f => 'true', '*' => '"x"');

sub wrong_types {
    for my $route (@POST) {
        my ($method, $path, undef, %fields) = @$route;
        my @names = sort keys %fields;
        for my $name (@names) {
            my $kind = lc $fields{$name};
            for my $value (@WRONG) {
                next if $kind eq 'f' && $value =~ /^(?:true|false)$/;
                next if $kind eq '*';
                my $body = join ',', map { qq("$_":) . ($_ eq $name ? $value : $VALUE{ lc $fields{$_} }) } @names;
                json("$path: $name is $value", 400, $path, "{$body}", headers => [Origin => 'http://auth.test']);
            }
            json("$path: without $name", $fields{$name} =~ /[A-Z]/ ? 400 : '4\d\d|200', $path, '{' . join(',', map { qq("$_":$VALUE{ lc $fields{$_} }) } grep { $_ ne $name } @names) . '}') unless $path =~ /sign-in|request-password|send-ver/;
        }
        # the body itself
        json("$path: an empty body", $route->[2], $path, '');
        json("$path: the body is $_", '40[015]|200', $path, $_) for grep { !/1e999/ } @WRONG, '"x"', '""';
        json("$path: the body is $_", 400, $path, $_) for '1e999', 'x', "\0", '{', '}', '{}{}', '{"a"}', '{"a":}', "{'a':1}", '{"a":1,}', '[1,]', 'NaN', 'undefined', '{"a":"', '{"a":"\\u12"}', '{"a":"\\x"}', "{\"a\":\"\n\"}", '//x', '{"a":01}', '{"a":.5}', '{"a":+1}', '{"a":0x10}', '{"a":1e}', '{"x":' . '9' x 5000 . '}', '{"a\\u0000":1}',
            '[' x 3000, '{"a":' x 3000, '[' x 2500 . ']' x 2500, "\xff\xfe{\0}\0", "\xef\xbb\xbf\xef\xbb\xbf{}";
        my $shut = $path eq '/get-session' ? '405' : '4\d\d|200';
        json("$path: $_->[0]", $shut, $path, $_->[1]) for ['duplicates', '{"email":"a","email":1,"password":1,"password":2,"token":[],"token":"x"}'], ['proto', '{"__proto__":{"admin":true},"constructor":{"prototype":{}}}'],
            ['surrogates', '{"email":"\\ud800","name":"\\udc00\\ud800"}'], ['bytes', "{\"email\":\"\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\"}"], ['NUL', '{"token":"a\\u0000b","email":"a\\u0000@b.example"}'], ['256 keys', '{' . join(',', map { qq("k$_":1) } 1 .. 256) . '}'], ['deep', '{"x":' . '[' x 500 . ']' x 500 . '}'],
            ['long name', '{"name":"' . 'n' x 5000 . '"}'];
        ask("$path: $_ of nothing", '415|4\d\d|200', POST => "/api/auth$path", body => '{}', headers => ['Content-Type' => $_]) for 'application/json; charset=utf-16', 'APPLICATION/JSON', 'application/json;', 'application/jsonx';
        ask("$path: Content-Type $_", 415, POST => "/api/auth$path", body => '{}', headers => ['Content-Type' => $_]) for 'text/plain', 'text/html', 'multipart/form-data; boundary=x', 'application/xml', 'application/x-json', ';', '/', '*/*', 'a' x 3000, 'text/plain;application/json', "application\xff/json", 'json',
            $path =~ /^\/sign-(?:in|up)/ ? () : 'application/x-www-form-urlencoded';
        json("$path: a megabyte", 413, $path, 'x' x 1_100_000, close => 1);
        json("$path: a byte too many", 413, $path, '"' . 'x' x 65_535 . '"', close => 1);
    }
}

# Bodies that were good, changed in one to four places; whoever is not signed in gets no further than 401.
sub mutated {
    my ($count) = @_;
    my @routes = grep { $_->[1] =~ /change|unlink|delete|verify-pass|revoke|update/ } @POST;
    for (1 .. $count) {
        my $route = pick(@routes);
        my (undef, $path, undef, %fields) = @$route;
        my $body = '{' . join(',', map { qq("$_":$VALUE{ lc $fields{$_} }) } sort keys %fields) . '}';
        for (0 .. below(4)) {
            my $at = below(length($body) + 1);
            my $what = below(4);
            if ($what == 0) { substr $body, $at, 0, pick('"', '\\', '{', '}', '[', ']', ',', ':', "\0", "\xff", "\xc3", '\\u0000', '\\ud800', '1e9', 'null', ' ', "\n", '-', '0') }
            elsif ($what == 1) { $body = substr $body, 0, $at }
            elsif ($what == 2 && $at < length $body) { substr $body, $at, 1, chr below(256) }
            else { $body .= substr $body, $at }
        }
        my $form = below(10) == 0;
        ask("$path, changed: " . $body =~ s/[^ -~]/?/gr, '40[0134]|415', POST => "/api/auth$path", body => $body, headers => ['Content-Type' => $form ? 'text/plain' : 'application/json']);
    }
}

# ---- the frame of a request

sub frames {
    for my $path ('/api/auth/sign-out', '/api/auth/change-password', '/auth/sign-in', '/auth/nothing', '/members/page.html') {
        my $post = sub { my ($name, $status, @lines) = @_; my $body = pop @lines; add("$path: $name", $status, "POST $path HTTP/1.1\r\nHost: auth.test\r\nContent-Type: application/json\r\n" . join('', map { "$_\r\n" } @lines) . "\r\n$body", close => 1) };
        $post->("Content-Length $_", '400|413', "Content-Length: $_", '{}') for '-1', '+2', '0x2', '2, 3', '2,', 'two', '99999999999999999999999', '9223372036854775808', '1e1', '2 2', ' ', "2\0";
        $post->('two lengths', 400, 'Content-Length: 2', 'Content-Length: 3', '{} ');
        $post->('length and chunks', '4\d\d|200', 'Content-Length: 2', 'Transfer-Encoding: chunked', "0\r\n\r\n");
        $post->("Transfer-Encoding $_", '400|411|501', "Transfer-Encoding: $_", "0\r\n\r\n") for 'identity', 'gzip', 'chunked, gzip', 'xchunked', 'chunked, identity', 'chunkedx', "\x0bchunked", '"chunked"', 'chunked, chunked, gzip';
        $post->("a chunk of $_", '4\d\d', 'Transfer-Encoding: chunked', "$_\r\n{}\r\n0\r\n\r\n") for '-2', '0x2', 'g', '', ' 2', '2g', '2;x' . "\x01", '99999999999999999', 'fffffffffffffffff', '2 2';
        my $form = sub { my ($name, $status, @lines) = @_; my $body = pop @lines; add("form $path: $name", $status, "POST $path HTTP/1.1\r\nHost: auth.test\r\nContent-Type: application/x-www-form-urlencoded\r\n" . join('', map { "$_\r\n" } @lines) . "\r\n$body", close => 1) };
        $form->("a chunk of $_", '4\d\d', 'Transfer-Encoding: chunked', "$_\r\n{}\r\n0\r\n\r\n") for '-2', 'g', '', '99999999999999999';
        $form->('half a body', '4\d\d', 'Content-Length: 20', 'email=x');
        $form->('half a chunk', '4\d\d', 'Transfer-Encoding: chunked', "20\r\nemail=x");
        $post->('trailers', '4\d\d|200', 'Transfer-Encoding: chunked', "2\r\n{}\r\n0\r\nCookie: better-auth.session_token=x\r\nOrigin: http://auth.test\r\nX-Auth-User-Id: 1\r\n\r\n");
        $post->('folded header', '4\d\d|200', "X-A: b\r\n c", 'Content-Length: 2', '{}');
        $post->("header line $_", 400, $_ =~ s/~/\0/gr, 'Content-Length: 2', '{}') for 'no colon', ': no name', 'a b: c', "a\x01: b", 'a : b', '(a): b', "X: a~b", "X-\xff: y";
        $post->('Expect', '417|4\d\d', 'Expect: teapot', 'Content-Length: 2', '{}');
        $post->('Upgrade', '4\d\d|200', 'Connection: upgrade', 'Upgrade: websocket, h2c', 'Content-Length: 2', '{}');
    }
    for my $path ('/api/auth/ok', @GUARDED) {
        my $good = $path =~ /^\/api/ ? 200 : '30[12]|401|403';
        ask("$path: Host $_", 400, GET => $path, no_host => 1, headers => [Host => $_], close => 1) for '', 'a b', "a\x01", 'a/b', 'auth.test:x', 'auth.test:99999', '[::1', 'a@b', "\xff";
        ask("$path: Host $_", $good, GET => $path, no_host => 1, headers => [Host => $_], close => 1) for 'evil.test', 'auth.test:1', '127.0.0.1', '[::1]', 'AUTH.TEST', 'auth.test.';
        ask("$path: two hosts", 400, GET => $path, headers => [Host => 'evil.test'], close => 1);
        ask("$path: no host", 400, GET => $path, no_host => 1, close => 1);
        add("$path: $_->[0]", $_->[1], "$_->[2]", close => 1) for ['HTTP/1.0', $good, "GET $path HTTP/1.0\r\n\r\n"], ['HTTP/0.9', '400|bare', "GET $path\r\n"], ['HTTP/9.9', "400|505|$good", "GET $path HTTP/9.9\r\nHost: auth.test\r\n\r\n"], ['lower case', 400, "GET $path http/1.1\r\nHost: auth.test\r\n\r\n"],
            ['bare line feeds', "400|$good", "GET $path HTTP/1.1\nHost: auth.test\n\n"], ['two blanks', 400, "GET  $path HTTP/1.1\r\nHost: auth.test\r\n\r\n"], ['a tab', 400, "GET\t$path HTTP/1.1\r\nHost: auth.test\r\n\r\n"], ['a NUL', 400, "GET $path\0 HTTP/1.1\r\nHost: auth.test\r\n\r\n"],
            ['a carriage return', 400, "GET $path\r HTTP/1.1\r\nHost: auth.test\r\n\r\n"], ['9 KB of query', 414, "GET $path?" . 'x' x 9000 . " HTTP/1.1\r\nHost: auth.test\r\n\r\n"], ['a proxy request', "4\\d\\d|$good", "GET http://auth.test$path HTTP/1.1\r\nHost: auth.test\r\n\r\n"],
            ['a stranger\'s proxy request', "4\\d\\d|$good", "GET http://evil.test$path HTTP/1.1\r\nHost: auth.test\r\n\r\n"], ['CONNECT', '4\d\d', "CONNECT auth.test:80 HTTP/1.1\r\nHost: auth.test\r\n\r\n"], ['a blank in the path', 400, "GET $path x HTTP/1.1\r\nHost: auth.test\r\n\r\n"], ['*', '4\d\d', "GET * HTTP/1.1\r\nHost: auth.test\r\n\r\n"];
    }
}

# Headers that somebody might believe.
sub beliefs {
    my @values = ('1', 'admin', 'zoe@example.com', "\xff", '', 'x' x 4000, '127.0.0.1', '::1', 'for=127.0.0.1;proto=https', 'a, b, c', '/members/page.html', 'GET', 'https', "' OR 1=1", '${jndi:x}', '() { :;}; x', '<script>', '%00', '../../etc/passwd', 'Basic YTpi', 'Bearer x', 'Bearer ' . BATest::signed('A' x 32), 'Basic ' . 'x' x 500, 'Digest x', 'null');
    for my $name (qw(X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-User X-Forwarded-Uri X-Forwarded-Method X-Original-URL X-Rewrite-URL Forwarded Remote-User REMOTE_USER X-Remote-User X-Auth-User-Id X-Auth-Email X-Auth-Name X-Auth-Role
        X_Auth_User_Id BETTERAUTH_USER_ID X-HTTP-Method-Override X-Method-Override Authorization Proxy-Authorization Range If-Match If-None-Match If-Modified-Since TE Accept Accept-Language Accept-Encoding Cookie2 Via From User-Agent Origin Referer)) {
        for my $value (@values) {
            my $shown = substr $value =~ s/[^ -~]/?/gr, 0, 40;
            ask("$name: $shown at the guard", $name =~ /^X-Forwarded-Uri|^X-Original|^If-|^Range/ ? '4\d\d' : 401, GET => '/members/page.html', headers => [$name => $value], close => 1);
            ask("$name: $shown at get-session", '200|4(?:00|12|16)', GET => '/api/auth/get-session', headers => [$name => $value], close => 1);
        }
    }
}

# ---- pages

sub pages {
    my ($count) = @_;
    my @pages = qw(sign-in sign-up sign-out forgot-password reset-password verify-email account account/password account/email delete-account check-mail error nothing style.css);
    my @fields = qw(email password name newPassword currentPassword token callbackURL redirectTo rememberMe image page);
    my @values = ('', 'x', '%', '%00', '%ff', '%3Cscript%3Ealert(1)', '<!--#exec cmd="id"-->', '//evil.test', '/x', 'javascript:1', '%0d%0aX:y', 'a' x 300, '%f0%9f%98%80', '1', 'a%40b.example');
    for (1 .. $count) {
        my $page = pick(@pages);
        # never both an address and a password: hashing is another test's
        my @some = grep { !/^password$/ } @fields;
        my $form = join '&', map { pick(@some) . '=' . pick(@values) } 0 .. below(5);
        my @origin = below(3) ? (Origin => 'http://auth.test') : below(2) ? (Origin => 'https://evil.test') : ();
        ask("form of $page: $form", '30[23]|4\d\d|200', POST => "/auth/$page", body => $form, headers => ['Content-Type' => 'application/x-www-form-urlencoded', @origin], script => 1);
        ask("$page?$form", '200|30[23]|40[0-9]', GET => "/auth/$page?$form", script => 1);
    }
}

# "METHOD path" of each endpoint that is asked.
sub endpoints { return map { "$_->[0] $_->[1]" } @ROUTES }

# All of them, in the order of the tables.
sub requests {
    @all = ();
    $state = 20_261_121;
    methods();
    paths(2500);
    queries(90);
    origins();
    cookies(2400);
    wrong_types();
    mutated(1000);
    frames();
    beliefs();
    pages(250);
    return \@all;
}

1;
