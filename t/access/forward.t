#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# What other proxies are told when they ask whether a request may pass. With a real nginx: t/examples/nginx.t.
use strict;
use warnings;
use utf8;
use BATest;

expect_log('AH01630');    # mod_authz_core, of each 403
my $ASK = '/api/auth/forward';
my @BROWSER = ('Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', Accept => 'text/html,*/*;q=0.8');
my @FETCH = ('Sec-Fetch-Mode' => 'cors', 'Sec-Fetch-Dest' => 'empty', Accept => '*/*');
my @IDENTITY = qw(X-Auth-User-Id X-Auth-Email X-Auth-Name X-Auth-Email-Verified X-Auth-Session-Id Remote-User);

# What each kind of proxy sends along when its visitor asks for a URL.
sub traefik { my ($url, $method) = @_; my ($proto, $host, $uri) = $url =~ m{^(\w+)://([^/]+)(.*)} or die; return ('X-Forwarded-Method' => $method // 'GET', 'X-Forwarded-Proto' => $proto, 'X-Forwarded-Host' => $host, 'X-Forwarded-Uri' => $uri, 'X-Forwarded-For' => '10.1.2.3') }
sub nginx { my ($url, $method) = @_; return ('X-Original-URL' => $url, 'X-Original-Method' => $method // 'GET') }

sub ask { my ($site, $path, $user, @headers) = @_; return request($site, GET => $path, headers => \@headers, $user ? (cookie => $user->{cookie}) : ()) }
sub sign_in_url { return 'http://auth.test/auth/sign-in?callbackURL=' . uri_escape($_[0]) }
sub identity { my ($answer) = @_; return { map { my $v = header($answer, $_); defined $v ? ($_ => $v) : () } @IDENTITY } }

sub passes {
    my ($answer, $user, $name) = @_;
    subtest $name => sub {
        is("$answer->{status} $answer->{body}", '200 ', 'let through');
        is(header($answer, 'x-auth-user-id'), $user && $user->{user}{id}, 'who it is');
        like(header($answer, 'cache-control'), qr/no-store/, 'not to be stored');
    };
}

sub refused {
    my ($answer, $status, $name, %o) = @_;
    subtest $name => sub {
        is($answer->{status}, $status, 'status');
        is(header($answer, 'location'), $o{location}, 'location');
        is_deeply(identity($answer), {}, 'tells nobody who it is');
        like(header($answer, 'cache-control'), qr/no-store/, 'not to be stored');
        is($answer->{json}{code}, $o{code}, 'JSON') if $o{code};
        like(header($answer, 'www-authenticate'), qr/^Session /, 'challenge') if $status == 401;
    };
}

each_site {
    my ($site) = @_;
    my $zoe = sign_up($site, email => 'zoe@example.com', name => "Zo\x{eb} B");
    my ($session) = map { $_->[0] } sql($site, 'SELECT id FROM session');

    subtest 'signed in' => sub {
        my $answer = ask($site, $ASK, $zoe, @BROWSER);
        passes($answer, $zoe, 'with nothing but the cookie');
        is_deeply(identity($answer), { 'X-Auth-User-Id' => $zoe->{user}{id}, 'X-Auth-Email' => 'zoe@example.com', 'X-Auth-Name' => 'Zo%C3%AB%20B',
            'X-Auth-Email-Verified' => 'false', 'X-Auth-Session-Id' => $session, 'Remote-User' => 'zoe@example.com' }, 'identity, as applications behind httpd get it');
        is_deeply(cookies($answer)->{''}, [], 'no cookie');
        passes(ask($site, $ASK, $zoe, traefik('https://evil.example/x')), $zoe, 'whatever was asked for');
        passes(request($site, $_ => "$ASK?uri=/x", cookie => $zoe->{cookie}), $zoe, $_) for qw(HEAD POST PUT DELETE PATCH PROPFIND);
        passes(ask($site, $ASK, $zoe, Range => 'bytes=5-', 'If-None-Match' => '*', 'If-Modified-Since' => 'Fri, 01 Jan 2100 00:00:00 GMT'), $zoe, "the visitor's Range and conditions are about something else");
        my $id = ask($site, '/forward-redirect', $zoe);
        is(header($id, 'remote-user'), $zoe->{user}{id}, 'BetterAuthRemoteUser');
        is_deeply(identity(ask($site, '/forward-401', $zoe)), {}, 'BetterAuthExport env: no headers');
        my $with_body = request($site, POST => $ASK, cookie => $zoe->{cookie}, body => 'x' x 200_000);
        passes($with_body, $zoe, 'a body is not looked at');
    };

    subtest 'nobody' => sub {
        refused(ask($site, $ASK, undef, traefik('https://app.example/a/b?c=d&e=%2F'), @BROWSER), 302, 'Traefik and Caddy: people go to sign-in, and come back', location => sign_in_url('https://app.example/a/b?c=d&e=%2F'));
        refused(ask($site, $ASK, undef, traefik('http://auth.test/a'), @BROWSER), 302, 'an application on the same host', location => sign_in_url('http://auth.test/a'));
        refused(ask($site, $ASK, undef, nginx('https://app.example/a?b'), @BROWSER), 401, 'nginx: the address is in a 401', location => sign_in_url('https://app.example/a?b'));
        refused(request($site, GET => "$ASK?uri=/../a%2Fb?c=d", host => 'app.example', headers => ['X-Forwarded-Proto' => 'https', @BROWSER]), 302, 'Envoy', location => sign_in_url('https://app.example/../a%2Fb?c=d'));
        refused(request($site, GET => "$ASK?uri=/a", headers => [@BROWSER]), 302, 'Envoy, scheme not told', location => sign_in_url('http://auth.test/a'));
        refused(ask($site, $ASK, undef, @BROWSER), 401, 'a proxy that tells nothing gets no redirect');
        refused(ask($site, $ASK, undef, traefik('https://app.example/a'), @FETCH), 401, 'programs get JSON', code => 'UNAUTHORIZED');
        refused(ask($site, $ASK, undef, nginx('https://app.example/a'), @FETCH), 401, 'behind nginx too', code => 'UNAUTHORIZED');
        refused(ask($site, $ASK, undef, traefik('https://app.example/a', 'POST'), @BROWSER), 401, 'a form cannot be sent again', code => 'UNAUTHORIZED');
        refused(ask($site, $ASK, undef, nginx('https://app.example/a', 'POST'), @BROWSER), 401, 'nor behind nginx', code => 'UNAUTHORIZED');
        refused(request($site, POST => "$ASK?uri=/a", headers => [@BROWSER]), 401, 'nor behind Envoy', code => 'UNAUTHORIZED');
        refused(ask($site, '/forward-401', undef, traefik('https://app.example/a'), @BROWSER), 401, 'BetterAuthUnauthenticated 401', code => undef);
        refused(ask($site, '/forward-redirect', undef, traefik('https://app.example/a'), @FETCH), 302, 'BetterAuthUnauthenticated redirect', location => sign_in_url('https://app.example/a'));
        passes(ask($site, '/forward-pass', undef, traefik('https://app.example/a')), undef, 'pass');
        passes(ask($site, '/forward-pass', $zoe), $zoe, 'pass, and somebody');
        refused(ask($site, '/forward-granted', undef), 401, 'Require all granted alone lets nobody in');
        for my $cookie ('better-auth.session_token=forged.x', 'better-auth.session_token=' . signed('x' x 32)) {
            refused(request($site, GET => $ASK, cookie => $cookie), 401, 'a cookie that is not good');
        }
        my $cors = ask($site, $ASK, undef, traefik('https://app.example/a'), @FETCH, Origin => 'https://app.example');
        is(header($cors, 'access-control-allow-origin'), 'https://app.example', "a trusted origin's script can read the refusal");
        for my $path ($ASK, '/forward-verified') {
            my $preflight = request($site, OPTIONS => "$path?uri=/a", origin => 'https://app.example', headers => ['Access-Control-Request-Method' => 'POST']);
            refused($preflight, 401, "$path: a preflight is not let through as if it were ours");
        }
    };

    subtest 'no open redirect' => sub {
        for my $url ('https://evil.example/', 'https://app.example.evil.example/', 'http://app.example/', 'https://app.example@evil.example/', 'https://app.example:444/',
            'https://evil.example\\@app.example/', "https://app.example\@/", 'javascript://app.example/%0aalert(1)', 'https:///x', 'https://app.example, evil.example/') {
            refused(ask($site, $ASK, undef, traefik($url), @BROWSER), 401, "Traefik: $url") if $url =~ m{^\w+://[^/]+};
            refused(ask($site, $ASK, undef, nginx($url), @BROWSER), 401, "nginx: $url");
            refused(ask($site, '/forward-redirect', undef, nginx($url), @BROWSER), 401, "redirect: $url");
        }
        refused(ask($site, $ASK, undef, traefik('https://app.example/'), 'X-Forwarded-Host' => 'evil.example', @BROWSER), 401, 'two hosts are none');
        refused(ask($site, $ASK, undef, 'X-Forwarded-Proto' => 'https', 'X-Forwarded-Host' => 'app.example', 'X-Forwarded-Uri' => '@evil.example/', @BROWSER), 401, 'a path that is none');
        refused(ask($site, $ASK, undef, 'X-Forwarded-Proto' => 'https', 'X-Forwarded-Host' => 'app.example', 'X-Forwarded-Uri' => '//evil.example/', @BROWSER), 302, 'a path that looks like a host stays one', location => sign_in_url('https://app.example//evil.example/'));
        refused(request($site, GET => "$ASK?uri=/a", host => 'evil.example', headers => [@BROWSER]), 401, 'Host');
        refused(ask($site, "$ASK?uri=\@evil.example/", undef, @BROWSER), 401, 'a query that is no path');
        refused(ask($site, "$ASK?uri=?a", undef, @BROWSER), 401, 'nor is a query alone');
        my $most = 'https://app.example/a?' . 'x' x 1978;
        refused(ask($site, $ASK, undef, nginx($most), @BROWSER), 401, 'as long as it may be', location => sign_in_url($most));
        refused(ask($site, $ASK, undef, nginx("${most}x"), @BROWSER), 401, 'and one more', location => sign_in_url('https://app.example/a'));
        refused(ask($site, $ASK, undef, traefik('https://app.example/a?' . 'x' x 3000), @BROWSER), 302, 'too long: without the query', location => sign_in_url('https://app.example/a'));
        refused(ask($site, $ASK, undef, traefik('https://app.example/' . 'x' x 3000), @BROWSER), 302, 'or to the first page', location => sign_in_url('https://app.example'));
        refused(ask($site, $ASK, undef, traefik('https://app.example/a?b=c:\\d'), @BROWSER), 302, 'a backslash, which some read as a slash', location => sign_in_url('https://app.example/a'));
    };

    subtest 'headers of a client are not believed' => sub {
        my @forged = ((map { $_ => 'zoe@example.com' } @IDENTITY, 'X_Auth_Email', 'X-Auth-Role'), 'X-Forwarded-User' => 'zoe@example.com', Connection => 'X-Auth-Email');
        refused(ask($site, $ASK, undef, traefik('https://app.example/a'), @forged, @FETCH), 401, 'nobody stays nobody', code => 'UNAUTHORIZED');
        is_deeply(identity(ask($site, '/forward-pass', undef, @forged)), {}, 'where nobody may pass too');
        my $bob = sign_up($site, email => 'bob@example.com', name => 'Bob');
        my $answer = ask($site, $ASK, $bob, @forged);
        is(join(' ', map { headers($answer, $_) } 'X-Auth-Email', 'Remote-User'), 'bob@example.com bob@example.com', 'Bob stays Bob');
    };

    subtest 'Require lines' => sub {
        refused(ask($site, '/forward-verified', $zoe, @FETCH), 403, 'not verified', code => 'FORBIDDEN');
        refused(ask($site, '/forward-verified', $zoe, traefik('https://app.example/a'), @BROWSER), 403, 'a person');
        refused(ask($site, '/forward-verified', undef, traefik('https://app.example/a'), @BROWSER), 302, 'nobody is sent to sign-in', location => sign_in_url('https://app.example/a'));
        sql($site, "UPDATE user SET emailVerified = 1 WHERE email = 'zoe\@example.com'");
        my $verified = ask($site, '/forward-verified', $zoe);
        passes($verified, $zoe, 'verified');
        is(header($verified, 'x-auth-email-verified'), 'true', 'and told so');
        passes(ask($site, '/forward-fresh', $zoe), $zoe, 'fresh');
        my $hours = "'2020-01-01 00:00:00.000'";
        $hours = "'2020-01-01T00:00:00.000Z'" if dialect($site) eq 'sqlite';
        sql($site, "UPDATE session SET createdAt = $hours WHERE id = '$session'");
        (my $again = sign_in_url('https://app.example/a')) =~ s/\?/?again=1&/;
        refused(ask($site, '/forward-fresh', $zoe, traefik('https://app.example/a'), @BROWSER), 302, 'not fresh: enter the password again', location => $again);
        refused(ask($site, '/forward-fresh', $zoe, nginx('https://app.example/a'), @BROWSER), 401, 'nginx', location => $again);
        refused(ask($site, '/forward-fresh', $zoe, traefik('https://app.example/a'), @FETCH), 403, 'a program', code => 'SESSION_NOT_FRESH');
        refused(ask($site, '/forward-fresh', $zoe, traefik('https://evil.example/a'), @BROWSER), 403, 'nowhere to come back to');
    };

    subtest 'only the path itself' => sub {
        is(ask($site, "$ASK$_", $zoe)->{status}, 404, "$_ below it") for '/', '/x', '/x/../y', '//x';
        isnt(ask($site, "$ASK$_", $zoe)->{status}, 200, "$_ leads to no success of ours") for '/../../../index.htm';
        is(ask($site, "$ASK?a=b", $zoe)->{status}, 200, 'a query is none of it');
    };

    subtest 'a body that nobody reads is no second request' => sub {
        my $smuggled = "GET /api/auth/ok HTTP/1.1\r\nHost: auth.test\r\n\r\n";
        my $socket = BATest::_connect($site);
        print {$socket} "POST $ASK HTTP/1.1\r\nHost: auth.test\r\nContent-Length: " . length($smuggled) . "\r\nCookie: $zoe->{cookie}\r\n\r\n$smuggled"
            . "GET $ASK HTTP/1.1\r\nHost: auth.test\r\nConnection: close\r\n\r\n";
        my $answers = do { local $/; <$socket> };
        is(join(' ', $answers =~ m{^HTTP/1.1 (\d+)}mg), '200 401', 'two answers for two requests');
        unlike($answers, qr/"ok"/, 'and none for the body');
    };

    subtest 'sessions' => sub {
        my $due = dialect($site) eq 'sqlite' ? q{strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+2 days')} : 'UTC_TIMESTAMP() + INTERVAL 2 DAY';
        # a session that no cache has seen yet
        $zoe->{cookie} = cookie_header(post($site, '/sign-in/email', { email => $zoe->{email}, password => PASSWORD }));
        sql($site, "UPDATE session SET expiresAt = $due");
        my $answer = ask($site, $ASK, $zoe);
        passes($answer, $zoe, 'due for a refresh');
        is_deeply(cookies($answer)->{''}, ['better-auth.session_token'], 'and refreshed, with its cookie');
        post($site, '/sign-out', {}, cookie => $zoe->{cookie}, origin => ORIGIN);
        refused(ask($site, $ASK, $zoe, traefik('https://app.example/a'), @FETCH), 401, 'signed out: refused at once', code => 'UNAUTHORIZED');
    };
};

done_testing;
