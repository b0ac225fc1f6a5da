#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Whatever comes from outside gets the documented 4xx: no 5xx, nothing stored, nothing in the error log (t/zz-error-log.t).
use strict;
use warnings;
use BATest;

my $KIB = 1024;
my %GOOD = (name => 'Zoe', email => 'zoe@example.com', password => PASSWORD);

sub raw {
    my ($site, $path, $body, %o) = @_;
    return request($site, POST => "/api/auth$path", body => $body, origin => ORIGIN,
        headers => ['Content-Type' => $o{type} // 'application/json', @{ $o{headers} || [] }], cookie => $o{cookie}, length => $o{length});
}

sub text { JSON::PP->new->utf8->canonical->encode({ %GOOD, @_ }) }

each_site {
    my ($site) = @_;
    my $unchanged = sub {
        my ($name) = @_;
        is(join(' ', user_count($site), session_count($site)), '0 0', "$name: nothing is stored");
    };

    subtest 'bodies that are no JSON' => sub {
        my %body = (
            'half an object' => '{"name":', 'nothing but a quote' => '"', 'two documents' => '{}{}', 'a NUL byte first' => "\0{}", 'NUL bytes' => "\0" x 100,
            'a raw NUL in a string' => qq({"name":"a\0b","email":"zoe\@example.com","password":"correct horse battery"}),
            'brackets, 30 thousand' => '[' x 30_000, 'objects, 10 thousand' => '{"a":' x 10_000,
            'a long key' => '{"' . 'k' x 60_000, 'control characters' => join('', map { chr } 0 .. 31), 'bytes' => pack('C*', map { $_ % 256 } 128 .. 4000),
            'UTF-16' => join('', map { "$_\0" } split //, '{"name":1}'), 'a lone backslash' => '{"name":"\\', 'a bad escape' => '{"name":"\\u00g0"}', 'xml' => '<?xml version="1.0"?><x/>',
        );
        for my $path (qw(/sign-up/email /sign-in/email /sign-out)) {
            for my $name (sort keys %body) {
                my $answer = raw($site, $path, $body{$name});
                is($answer && "$answer->{status} " . ($answer->{json} && ref $answer->{json} eq 'HASH' ? $answer->{json}{code} // '' : ''), '400 BAD_REQUEST', "$path: $name");
            }
        }
        $unchanged->('broken JSON');
        # JSON, though nobody can want it: a limit may call it broken, or the schema refuses it.
        for my $body ((map { '{"x":' . '[' x $_ . ']' x $_ . ',"email":1}' } 1000, 5000), '9' x 60_000, '[' x 20_000 . ']' x 20_000) {
            my $answer = raw($site, '/sign-in/email', $body);
            like("$answer->{status} $answer->{json}{code}", qr/^400 (?:BAD_REQUEST|VALIDATION_ERROR)$/, substr($body, 0, 12) . '...');
        }
    };

    subtest 'broken UTF-8' => sub {
        my %bytes = (overlong => "\xc0\xaf", surrogate => "\xed\xa0\x80", cut => "\xe2\x82", continuation => "\x80\xbf", 'too high' => "\xf4\x90\x80\x80", latin => "caf\xe9");
        for my $name (sort keys %bytes) {
            for my $key (qw(email)) {
                my $body = text();
                $body =~ s/"$key":"/"$key":"$bytes{$name}/;
                my $answer = raw($site, '/sign-up/email', $body);
                is($answer->{status}, 400, "$name in $key");
                is($answer->{json}{code}, 'VALIDATION_ERROR', "$name in $key: is no address");
            }
            my $in = raw($site, '/sign-in/email', text() =~ s/correct/$bytes{$name}/r);
            is($in->{status}, 401, "$name in the password is a wrong password");
        }
        $unchanged->('broken UTF-8');
        my $answer = raw($site, '/sign-up/email', text() =~ s/Zoe/Zo\xeb/r);
        is($answer->{status}, 200, 'in a name it is replaced, as npm does');
        is($answer->{json}{user}{name}, "Zo\x{fffd}", 'by U+FFFD');
        clean($site);
    };

    subtest 'sizes' => sub {
        plan skip_all => 'npm has no limits' unless is_httpd($site);
        my $long = text(password => 'p' x (1024 * $KIB));
        is(raw($site, '/sign-up/email', $long)->{status}, 413, 'a password of 1 MB');
        is(raw($site, '/sign-in/email', $long)->{status}, 413, 'at sign-in');
        is(raw($site, '/sign-out', 'x' x (70 * $KIB))->{status}, 413, 'garbage of 70 KB');
        is(raw($site, '/sign-in/email', text(x => 'y' x (64 * $KIB)), type => 'application/json')->{status}, 413, 'a byte too many in an unknown key');
        my $fits = text(x => '');
        is(raw($site, '/sign-in/email', text(x => 'y' x (64 * $KIB - length $fits)))->{status}, 401, '64 KiB exactly are read');
        my $chunked = join '', (map { sprintf "%x\r\n%s\r\n", 8192, 'x' x 8192 } 1 .. 20), "0\r\n\r\n";
        is(request($site, POST => '/api/auth/sign-in/email', headers => ['Content-Type' => 'application/json', 'Transfer-Encoding' => 'chunked', Origin => ORIGIN], body => undef, tail => $chunked)->{status},
            413, 'in chunks, without a length');
        my $announced = raw($site, '/sign-in/email', '', length => 10_000_000, headers => [Expect => '100-continue']);
        is($announced->{status}, 413, 'announced with Expect: refused before it is sent');
        is(raw($site, '/sign-in/email', 'email=' . 'x' x (70 * $KIB), type => 'application/x-www-form-urlencoded')->{status}, 413, 'as a form');
        is(request($site, POST => '/auth/sign-in', form => [email => 'x' x (70 * $KIB)], origin => ORIGIN)->{status}, 413, 'at the page');
        $unchanged->('too much');
        # what is left of a body that was refused is no request
        my $evil = "GET /api/auth/ok HTTP/1.1\r\nHost: auth.test\r\n\r\n";
        for my $framing ("Content-Length: 70000\r\n\r\n" . ' ' x (70_000 - length $evil) . $evil, "Content-Length: 70000\r\n\r\n$evil", "Transfer-Encoding: chunked\r\n\r\n11170\r\n" . 'x' x 70_000 . "\r\n0\r\n\r\n$evil") {
            for my $path ('/api/auth/sign-in/email', '/auth/sign-in') {
                my $socket = BATest::_connect($site);
                my $type = $path =~ /^\/api/ ? 'json' : 'x-www-form-urlencoded';
                print {$socket} "POST $path HTTP/1.1\r\nHost: auth.test\r\nOrigin: @{[ORIGIN]}\r\nContent-Type: application/$type\r\n$framing";
                shutdown $socket, 1;
                my $all = do { local $/; <$socket> } // '';
                my @status = $all =~ m{^HTTP/1\.1 (\d+)}mg;
                ok("@status" eq '413' || "@status" eq '' && $all eq '', "$path, " . substr($framing, 0, 19) . ': one answer, and the connection ends') or diag "@status";
            }
        }
        my $many = join '&', map { "k$_=v" } 1 .. 6000;
        is(raw($site, '/sign-in/email', $many, type => 'application/x-www-form-urlencoded')->{status}, 400, 'a form of 6000 fields');
    };

    subtest 'SQL' => sub {
        sign_up($site, email => 'ada@example.com');
        for my $sql ("' OR '1'='1", q{"; DROP TABLE user; --}, "\\' OR 1=1 -- ", "%' OR email LIKE '%", "') UNION SELECT 1,2,3 -- ", "'; DELETE FROM session WHERE 'a'='a") {
            is(post($site, '/sign-in/email', { email => "ada\@example.com$sql", password => PASSWORD })->{status}, 400, "address: $sql");
            is(post($site, '/sign-in/email', { email => 'ada@example.com', password => $sql })->{status}, 401, "password: $sql");
            my $up = post($site, '/sign-up/email', { name => $sql, email => new_email(), password => PASSWORD, image => $sql }, headers => ['User-Agent' => $sql]);
            is($up->{status}, 200, "name, image, user agent: $sql");
            is($up->{json}{user}{name}, $sql, 'are text and nothing else');
            is(request($site, GET => '/api/auth/get-session', cookie => cookie_header($up))->{json}{session}{userAgent}, $sql =~ s/ +$//r, 'and come back whole');
        }
        is(user_count($site), 7, 'all users are there');
        is(post($site, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD })->{status}, 200, 'Ada still signs in');
        clean($site);
    };

    subtest 'headers' => sub {
        my $latin = post($site, '/sign-up/email', { %GOOD, email => new_email() }, headers => ['User-Agent' => "caf\xe9 \x01\x7f '\"\\"]);
        ok($latin->{status} == 200 || $latin->{status} == 400, "a user agent of odd bytes: $latin->{status}");
        my $huge = post($site, '/sign-up/email', { %GOOD, email => new_email() }, headers => ['User-Agent' => 'u' x 8000]);
        is($huge->{status}, 200, 'a user agent of 8 KB');
        for my $type ('application/json' . 'x' x 7000, "application/json\x01", 'a/b; c="', ';', '/', 'multipart/form-data') {
            my $answer = raw($site, '/sign-in/email', text(), type => $type);
            like($answer->{status}, qr/^4\d\d$/, 'Content-Type ' . substr($type, 0, 30) =~ s/[^ -~]/?/gr) unless $type =~ /^application\/jsonx/;
        }
        for my $origin ("http://auth.test\x01", 'http://' . 'a' x 7000, 'http://[::1', 'http://a:b:c', '://', "http://auth.test\tx", 'http://auth.test.evil.test#http://auth.test') {
            my $answer = post($site, '/sign-in/email', { email => 'a@b.co', password => PASSWORD }, origin => $origin);
            like($answer->{status}, qr/^40[03]$/, 'Origin ' . substr($origin, 0, 30) =~ s/[^ -~]/?/gr);
        }
        clean($site);
    };

    subtest 'cookies' => sub {
        my $ada = sign_up($site, email => 'ada@example.com');
        my $value = (split /=/, $ada->{cookie}, 2)[1];
        my %cookie = (
            'nothing but semicolons' => ';' x 4000, 'nothing but =' => '=' x 4000, 'a thousand names' => join('; ', map { "c$_=v" } 1 .. 700),
            'our name 100 times' => join('; ', ('better-auth.session_token=x') x 100), 'dots' => 'better-auth.session_token=' . '.' x 4000,
            percents => 'better-auth.session_token=' . '%' x 4000, 'NUL escape' => 'better-auth.session_token=%00%00.%00', 'high bytes' => "better-auth.session_token=\xff\xfe\x80.\xff",
            'an escaped newline' => 'better-auth.session_token=a%0d%0ab.c', 'a long token, signed' => 'better-auth.session_token=' . signed('x' x 5000),
            'bytes, signed' => 'better-auth.session_token=' . signed("\xff\xfe\xc3"), 'a NUL, signed' => 'better-auth.session_token=' . signed("$ada->{token}\0"),
            'SQL, signed' => 'better-auth.session_token=' . signed("' OR '1'='1"), 'cut' => "better-auth.session_token=" . substr($value, 0, 40), 'an open quote' => qq(better-auth.session_token="$value;),
            'a chunk too many' => join('; ', map { "better-auth.session_data.$_=x" } 0 .. 150), 'eight kilobytes' => 'a=' . 'x' x 8000,
        );
        for my $name (sort keys %cookie) {
            my $answer = request($site, GET => '/api/auth/get-session', cookie => $cookie{$name});
            next if $name eq 'an open quote' && $answer->{json};    # quotes are stripped in pairs only
            is("$answer->{status} $answer->{body}", '200 null', $name);
            next unless is_httpd($site);
            is(request($site, GET => '/members/page.html', cookie => $cookie{$name})->{status}, 401, "$name: at the guard");
        }
        if (is_httpd($site)) {
            my $one = request($site, GET => '/api/auth/get-session', cookie => 'a=' . 'x' x 100_000);
            is($one->{status}, 400, 'a cookie of 100 KB: refused by httpd itself');
            my $many = request($site, GET => '/api/auth/get-session', headers => [(map { (Cookie => "c$_=" . 'x' x 8000) } 1 .. 13), Cookie => $ada->{cookie}]);
            like($many->{status}, qr/^(?:200|400)$/, 'a hundred KB in thirteen lines');
        }
        ok(request($site, GET => '/api/auth/get-session', cookie => $ada->{cookie})->{json}, 'the good cookie is still good');
        is(session_count($site), 1, 'no session is gone');
        clean($site);
    };

    subtest 'callback URLs' => sub {
        my $user = sign_up($site, email => 'ada@example.com');
        my @evil = ('//evil.test', '/\\evil.test', '\\\\evil.test', 'https://evil.test', 'http://auth.test@evil.test/', 'http://auth.test.evil.test/', 'javascript:alert(1)', 'data:text/html,x',
            "/\t/evil.test", "/x\r\nSet-Cookie: a=b", "/x\nLocation: //evil.test", '/%2fevil.test', '/%5cevil.test', '/%2F%2Fevil.test', 'http:evil.test', 'http:/evil.test', '///evil.test', " //evil.test", "\x01//evil.test",
            'https://auth.test', 'http://auth.test:81/', './/evil.test', '?x', "/\0", "/\x7f",
            # To a browser and to npm this is auth.test; refusing it hurts nobody and needs no faith in other parsers.
            is_httpd($site) ? "http://auth.test\\\@evil.test" : ());
        for my $url (@evil) {
            (my $shown = $url) =~ s/[^ -~]/?/g;
            for my $path ('/sign-in/email', '/sign-up/email', '/sign-out') {
                my $answer = post($site, $path, { %GOOD, email => 'ada@example.com', callbackURL => $url }, cookie => $user->{cookie});
                is("$answer->{status} $answer->{json}{code}", '403 INVALID_CALLBACK_URL', "$path: $shown");
                is(header($answer, 'location'), undef, 'goes nowhere');
            }
            next unless is_httpd($site);
            for my $page ('/auth/sign-in', '/auth/sign-out') {
                my $answer = request($site, POST => $page, form => [email => 'ada@example.com', password => PASSWORD, callbackURL => $url], origin => ORIGIN);
                my $to = header($answer, 'location');
                ok(!defined $to || $to =~ m{^/(?![/\\])[^\x00-\x20\\]*$} && $to !~ /evil|%2f|%5c/i, "$page: $shown") or diag "$answer->{status} $to";
            }
            my $get = request($site, GET => '/auth/sign-in?callbackURL=' . uri_escape($url), cookie => $user->{cookie});
            my $to = header($get, 'location');
            ok(!defined $to || $to !~ /evil|^javascript|^data|^\/[\/\\]/i, "a signed-in visitor: $shown") or diag $to;
        }
    };

    subtest 'pages' => sub {
        plan skip_all => 'npm has no pages' unless is_httpd($site);
        clean($site);
        my $xss = q{"><script>alert(1)</script><img src=x onerror='x'><!--#exec cmd="id" --><!--#echo encoding="none" var="HTTP_COOKIE" -->${HTTP_COOKIE}};
        for my $page ('/auth/sign-up', '/auth/sign-in') {
            my $answer = request($site, POST => $page, form => [name => $xss, email => $xss, password => 'x', callbackURL => '/x' . $xss], origin => ORIGIN, cookie => 'canary=bird');
            like($answer->{status}, qr/^4\d\d$/, "$page: is refused");
            unlike($answer->{body}, qr/<script>alert|<img src=x|uid=|canary|<!--#/, "$page: what was typed stays text");
            my $get = request($site, GET => "$page?callbackURL=" . uri_escape('/x' . $xss) . '&error=' . uri_escape($xss), cookie => 'canary=bird');
            unlike($get->{body}, qr/<script>alert|<img src=x|uid=|canary|<!--#/, "$page: GET too");
            unlike($answer->{body}, qr/value="?x"?[^a-z]*type="?password/, "$page: no password comes back");
            like(header($answer, 'content-security-policy') // '', qr/default-src 'none'/, "$page: has its policy");
        }
        my $foreign = request($site, POST => '/auth/sign-up', form => [%GOOD], origin => 'https://evil.test');
        like($foreign->{status}, qr/^403$/, 'a foreign form is refused');
        my $navigate = request($site, POST => '/auth/sign-in', form => [%GOOD], origin => 'https://evil.test', headers => ['Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Mode' => 'navigate']);
        is($navigate->{status}, 403, 'login CSRF too');
        $unchanged->('pages');
        is(request($site, GET => "/auth/$_")->{status}, 404, "$_ is no page") for qw(head.html foot.html message.html sign-in.html nothing ../auth/head.html), '%2e%2e/conf', 'style.css/x';
    };

    is(post($site, '/sign-up/email', { %GOOD, email => 'after@example.com' })->{status}, 200, 'after all that a sign-up works');
};

done_testing;
