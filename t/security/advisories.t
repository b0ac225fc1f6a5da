#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# What others got wrong, one row for each advisory or fix, by its number; docs/advisories.md lists them all, with those that
# other tests cover or that cannot apply.
use strict;
use warnings;
use utf8;
use BATest;
use IO::Select ();
use IO::Socket::INET ();
use Time::HiRes qw(time);

my $SRC = BATest::state()->{srcdir};
my $EVIL = 'https://evil.example/steal';
my @COOKIE = ('better-auth.session_token');

# Endpoints as the tables in modules/routes have them: [ method, path, access ].
my @ROUTES = map { open my $in, '<', $_ or die; my $text = do { local $/; <$in> }; my @r; push @r, [$1, $2, $3] while $text =~ /^\s*\{\s*"([A-Z]+)"\s*,\s*"(\/[^"]*)"\s*,\s*(BA_\w+)/mg; @r } glob "$SRC/modules/routes/*.c";
my @PAYLOADS = ('//evil.example', '/\\evil.example', '///evil.example', "/\t/evil.example", '/%5cevil.example', '/%2fevil.example', 'https:evil.example', 'https:/evil.example', 'evil.example',
    '\\\\evil.example', 'javascript:alert(1)', 'data:text/html,x', 'https://auth.test@evil.example/', 'https://auth.test.evil.example/', 'https://evil.example?https://auth.test/', 'https://evil.example#auth.test',
    'https://app.example.evil.example/', 'https://evil-app.example/', 'https://app.example@evil.example/', 'https://app.exampleevil/', 'http://[::1', "https://evil.example\r\nX: y", $EVIL);

sub rows { my ($site) = @_; return join "\n", map { my $t = $_; map { join "\t", $t, map { $_ // 'NULL' } @$_ } sql($site, "SELECT * FROM $t ORDER BY 1") } qw(user account session verification) }
sub page { my ($site, $cookie, @more) = @_; return request($site, GET => '/members/page.html', cookie => $cookie, @more) }
sub session_is { my ($site, $cookie, $email, $name) = @_; is((request($site, GET => '/api/auth/get-session', cookie => $cookie)->{json} || {})->{user}{email}, $email, $name) }
sub leads_away { my ($answer) = @_; return (header($answer, 'location') // '') =~ m{^(?!http://auth\.test(?:/|$))(?:\w+:|//|/\\|/?%|\\|[^/])} }

# refused by Require lines that say so
expect_log('AH01630');

my %ran;
# once: where no database makes a difference
sub once { my ($id, $fault, $code) = @_; $ran{$id}++ and fail("$id comes twice"); subtest "$id: $fault" => sub { my ($site) = sites(); clean($site); $code->($site) } }
sub row { my ($id, $fault, $code, $kind) = @_; $ran{$id}++ and fail("$id comes twice"); subtest "$id: $fault" => sub { each_site { $code->($_[0]) } $kind } }

# --- Better Auth's advisories

row 'CVE-2024-56734', 'mailed links carry nobody away' => sub {
    my ($site) = @_;
    for my $path ('/verify-email?token=x', '/reset-password/x?', '/delete-user/callback?token=x') {
        my $answer = request($site, GET => "/api/auth$path&callbackURL=" . uri_escape($EVIL), cookie => $path =~ /delete/ ? sign_up($site)->{cookie} : undef);
        is($answer->{status}, 403, "$path: is refused");
        is(header($answer, 'location'), undef, "$path: leads nowhere");
    }
}, 'mail';

once 'CVE-2025-27143', 'an address without a scheme is no path' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    for my $url (@PAYLOADS) {
        my $answer = post($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD, callbackURL => $url });
        is("$answer->{status} " . ($answer->{json}{code} // ''), '403 INVALID_CALLBACK_URL', "sign-in: $url");
        ok(!leads_away(request($site, GET => '/auth/sign-in?callbackURL=' . uri_escape($url), cookie => $user->{cookie})), "sign-in page: $url");
    }
};

row 'GHSA-vp58-j275-797x', 'what begins like a trusted origin is none' => sub {
    my ($site) = @_;
    for my $url (grep { /app\.?example/ } @PAYLOADS) {
        is(post($site, '/request-password-reset', { email => 'a@example.com', redirectTo => $url })->{status}, 403, "redirectTo $url");
        is(post($site, '/sign-in/email', {}, origin => $url =~ s{/$}{}r, cookie => 'a=b')->{status}, 403, "Origin $url");
    }
    is(post($site, '/request-password-reset', { email => 'a@example.com', redirectTo => 'https://app.example/x' })->{status}, 200, 'the trusted one is trusted');
}, 'mail';

once 'GHSA-9x4v-xfq5-m8x5', 'no text of a query comes back as markup' => sub {
    my ($site) = @_;
    for my $path ('/api/auth/error?error=', '/api/auth/error?error_description=', '/auth/sign-in?error=', '/auth/sign-in?callbackURL=', '/auth/sign-in?email=', '/auth/no-such-page?x=') {
        my $answer = request($site, GET => $path . uri_escape(q{/"'><script>alert(1)</script>}));
        unlike($answer->{body}, qr/<script>alert|"'>/, $path);
        unlike(header($answer, 'location') // '', qr/[<>"]/, "$path: nor in a header");
    }
};

once 'CVE-2025-53535', 'each endpoint looks at where it shall lead' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    my $before = rows($site);
    for my $route (grep { $_->[0] eq 'POST' } @ROUTES) {
        my $path = $route->[1] =~ s/:\w+/x/r;
        my $answer = post($site, $path, { callbackURL => $EVIL }, cookie => $user->{cookie});
        is("$answer->{status} " . ($answer->{json}{code} // ''), '403 INVALID_CALLBACK_URL', $path);
    }
    is(rows($site), $before, 'and nothing has changed');
};

row 'CVE-2025-61928', 'who it is comes from the session, not from the body' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    my $before = rows($site);
    my @guarded = grep { $_->[2] ne 'BA_ANYONE' } @ROUTES;
    cmp_ok(scalar @guarded, '>', 8, scalar(@guarded) . ' endpoints want a session');
    my %body = (userId => $user->{user}{id}, id => $user->{user}{id}, token => $user->{token}, session => { token => $user->{token}, userId => $user->{user}{id} }, user => { id => $user->{user}{id} },
        email => $user->{email}, newEmail => 'x@example.com', password => PASSWORD, currentPassword => PASSWORD, newPassword => PASSWORD . 2, accountId => 'x', name => 'evil', image => 'x');
    for my $route (@guarded) {
        my ($method, $path) = ($route->[0], $route->[1] =~ s/:\w+/x/r);
        my %ask = $method eq 'GET' ? () : (json => \%body, origin => ORIGIN);
        my $answer = request($site, $method => "/api/auth$path" . ($method eq 'GET' ? "?token=x&userId=$user->{user}{id}&callbackURL=/" : ''), %ask);
        like($answer->{status}, qr/^(?:401|400|404)$/, "$method $path") or diag $answer->{body};
    }
    is(rows($site), $before, 'and nothing has changed');
};

row 'GHSA-wmjr-v86c-m9jj', 'a cookie without signature ends no session' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    for my $cookie ("$COOKIE[0]=$user->{token}", "$COOKIE[0]=$user->{token}.", "$COOKIE[0]_multi-$user->{token}=$user->{token}", "better-auth.session_token_multi-x=$user->{token}.AAAA") {
        post($site, '/sign-out', {}, cookie => $cookie);
        is(session_count($site), 1, $cookie =~ s/\Q$user->{token}\E/TOKEN/gr);
    }
};

row 'GHSA-xg6x-h9c9-2m83', 'no cache cookie before a sign-in is complete' => sub {
    my ($site) = @_;
    my $user = sign_up("cache-$site");
    for my $answer (post("cache-$site", '/sign-in/email', { email => $user->{email}, password => 'wrong wrong' }), request("cache-$site", GET => '/api/auth/get-session'),
        post("cache-$site", '/sign-up/email', { name => 'x', email => $user->{email}, password => PASSWORD })) {
        is((grep { /session_data/ && (cookies($answer)->{$_}{attributes} !~ /Max-Age=0/) } @{ cookies($answer)->{''} })[0], undef, "none with $answer->{status}");
    }
};

row 'GHSA-4vcf-q4xf-f48m', 'nobody acts on rows of others' => sub {
    my ($site) = @_;
    my ($mine, $theirs) = map { sign_up($site) } 1, 2;
    my ($account) = map { $_->[0] } sql($site, "SELECT id FROM account WHERE userId = '$theirs->{user}{id}'");
    my $before = rows($site);
    is(post($site, '/unlink-account', { accountId => $account }, cookie => $mine->{cookie})->{status}, 400, 'unlink-account: their account');
    is(post($site, '/unlink-account', { providerId => 'credential', accountId => $theirs->{user}{id} }, cookie => $mine->{cookie})->{status}, 400, 'unlink-account: their id');
    is(post($site, '/revoke-session', { token => $theirs->{token} }, cookie => $mine->{cookie})->{status}, 200, 'revoke-session: their token is answered like none');
    is(rows($site), $before, 'and nothing has changed');
};

row 'GHSA-qq9h-g4jm-xgf3', 'whoever proves an address gets rid of who registered it before' => sub {
    my ($site) = @_;
    my $attacker = sign_up($site, email => 'victim@example.com', password => 'the attacker knows it');
    post($site, '/change-email', { newEmail => 'evil@example.com' }, cookie => $attacker->{cookie});
    my $link = (mails($site, 'evil@example.com'))[-1]{url} =~ s{^\Q@{[ORIGIN]}\E}{}r =~ s/&callbackURL.*//r;
    post($site, '/request-password-reset', { email => 'victim@example.com' });
    my ($token) = (mails($site, 'victim@example.com'))[-1]{url} =~ m{/reset-password/(\w+)};
    is(post($site, '/reset-password', { newPassword => PASSWORD, token => $token })->{status}, 200, 'the victim proves the address');
    no_session($site, $attacker->{cookie}, 'the attacker\'s session is over');
    is(post($site, '/sign-in/email', { email => 'victim@example.com', password => 'the attacker knows it' })->{status}, 401, 'and so is the password');
    my $opened = request($site, GET => $link);
    is("$opened->{status} $opened->{json}{code}", '401 INVALID_TOKEN', 'and so is a link to another address');
    is_deeply(cookies($opened)->{''}, [], 'which signs nobody in');
    is(user_count($site, q{email = 'victim@example.com'}), 1, 'the address stays');
}, 'mail';

row 'GHSA-fmh4-wcc4-5jm3', 'an address that nobody proved opens nothing' => sub {
    my ($site) = @_;
    my $user = sign_up($site, email => 'boss@example.com');
    is(request($site, GET => '/require-staff/index.html', cookie => $user->{cookie})->{status}, 403, 'not proved');
};

once 'GHSA-5rr4-8452-hf4v', 'no request goes to where a user says' => sub {
    my ($site) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die;
    my $url = 'http://127.0.0.1:' . $listener->sockport . '/x';
    my $user = sign_up($site, image => $url, name => $url);
    post($site, '/update-user', { image => "$url/2" }, cookie => $user->{cookie});
    request($site, GET => "/api/auth/get-session?callbackURL=" . uri_escape($url), cookie => $user->{cookie}, headers => [Referer => $url, 'X-Forwarded-Host' => $url]);
    is(scalar(() = IO::Select->new($listener)->can_read(0.2)), 0, 'nobody has called');
};

# --- Better Auth's fixes without one

once '#9973', 'a sign-in from another site needs no cookie to be refused' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    my @form = (form => [email => $user->{email}, password => PASSWORD]);
    my $answer = request($site, POST => '/api/auth/sign-in/email', @form, headers => ['Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document']);
    is("$answer->{status} $answer->{json}{code}", '403 CROSS_SITE_NAVIGATION_LOGIN_BLOCKED', 'a form of another site');
    is(request($site, POST => '/api/auth/sign-in/email', @form, origin => 'https://evil.example')->{status}, 403, 'an Origin of another site');
    is(session_count($site), 1, 'and there is no session more');
};

row '#9967', 'what is revoked is over for sensitive endpoints, whatever a cookie says' => sub {
    my ($site) = @_;
    my $user = sign_up("cache-$site");
    sql("cache-$site", "DELETE FROM session WHERE token = '$user->{token}'");
    for my $path (qw(/change-password /update-user /revoke-sessions /verify-password)) {
        is(post("cache-$site", $path, { currentPassword => PASSWORD, newPassword => PASSWORD . 2, password => PASSWORD, name => 'x' }, cookie => $user->{cookie})->{status}, 401, $path);
    }
};

once '#10212', 'what only begins like the base path is not ours' => sub {
    my ($site) = @_;
    is(request($site, GET => $_)->{body} =~ /"ok":true/ ? 1 : 0, 0, $_) for '/api/authevil/ok', '/api/auth.evil/ok', '/api/auth-ok', '/api/auth;x/ok', '/API/AUTH/ok';
};

once '#10222', 'no cache keeps what the API says' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    is(header(request($site, GET => "/api/auth$_", cookie => $user->{cookie}), 'cache-control'), 'no-store', $_) for qw(/get-session /list-sessions /list-accounts /ok /no-such-endpoint);
};

row '#8708', 'a revoked session does not come back by a refresh' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    sql($site, "UPDATE session SET expiresAt = '" . moment($site, 86400) . "'");
    my @said = parallel(8, sub { my ($n) = @_; $n == 4 ? post($site, '/revoke-sessions', {}, cookie => $user->{cookie})->{status} : request($site, GET => '/api/auth/get-session', cookie => $user->{cookie})->{status} });
    is($said[3], 200, 'revoked, while others refresh');
    is(session_count($site), 0, 'no row is left');
    no_session($site, $user->{cookie}, 'nobody is signed in');
};

once '#8582', 'a path is not another that begins alike' => sub {
    my ($site) = @_;
    is(page($site, undef)->{status}, 401, '/members is guarded');
    is(request($site, GET => $_)->{status}, 401, $_) for '/members/', '/members/sub/', '/members/page.html/', '/members//page.html', '/members/./page.html';
};

row '#8097', 'a taken address does not show where it must not' => sub {
    my ($site) = @_;
    my ($mine, $theirs) = map { sign_up($site) } 1, 2;
    sql($site, 'UPDATE user SET emailVerified = 1');
    my ($free, $taken) = map { post($site, '/change-email', { newEmail => $_ }, cookie => $mine->{cookie}) } 'free@example.com', $theirs->{email};
    is("$taken->{status} $taken->{body}", "$free->{status} $free->{body}", 'change-email answers alike');
}, 'mail';

row '#9865', 'how fresh a session is, its birth says' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    my $long_ago = dialect($site) eq 'mysql' ? '2025-01-01 00:00:00' : '2025-01-01T00:00:00.000Z';
    sql($site, "UPDATE session SET createdAt = '$long_ago'");
    is(post($site, '/unlink-account', { accountId => 'x' }, cookie => $user->{cookie})->{status}, 403, 'an old one that was used just now');
    sql($site, "UPDATE session SET createdAt = updatedAt, updatedAt = '$long_ago'");
    is(post($site, '/unlink-account', { accountId => 'x' }, cookie => $user->{cookie})->{status}, 400, 'a new one');
};

row 'issue #7196', 'a new address has to be proved by who has it' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    sql($site, 'UPDATE user SET emailVerified = 1');
    post($site, '/change-email', { newEmail => 'typo@example.com' }, cookie => $user->{cookie});
    my ($mail) = mails($site, $user->{email});
    request($site, GET => $mail->{url} =~ s{^http://auth\.test}{}r, cookie => $user->{cookie});
    is((sql($site, 'SELECT email FROM user'))[0][0], $user->{email}, 'the old address agrees: nothing has changed yet');
    is(scalar(mails($site, 'typo@example.com')), 1, 'the new one is asked');
}, 'mail';

row '#9792', 'a return address is one value of a link' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    post($site, '/request-password-reset', { email => $user->{email}, redirectTo => '/x?a=1&token=evil#y' });
    my ($url) = (mails($site))[-1]{url};
    like($url, qr{\?callbackURL=%2Fx%3Fa%3D1%26token%3Devil%23y$}, 'and stays whole');
}, 'mail';

# --- Auth.js

once 'GHSA-7rqj-j65f-68wh', 'an address is what it was when it was checked' => sub {
    my ($site) = @_;
    for my $email ("a\x{ff20}example.com", "a\@ex\x{212a}mple.com", "a\@example\x{ff0e}com", "\x{130}\@example.com", 'a@example.com ', "a\@b.example\x{0}", 'a@b.example,c@d.example', 'a@b@c.example', "a\@example.com\r\nBcc: x\@y.example") {
        is(post($site, '/sign-up/email', { name => 'x', email => $email, password => PASSWORD })->{status}, 400, JSON::PP->new->ascii->allow_nonref->encode($email));
    }
    is(user_count($site), 0, 'no row');
};

once 'GHSA-xmf8-cvqr-rfgj', 'an Authorization header may be anything' => sub {
    my ($site) = @_;
    for my $value ('', 'Bearer', 'Bearer ', 'Bearer  x', 'Basic', 'Basic !!!', 'Basic ' . 'A' x 6000, "Bearer \xff\xfe", 'Bearer a.b.c', 'Bearer %00', 'Digest x="', ',,,', 'Bearer x, Bearer y') {
        my $answer = page($site, undef, headers => [Authorization => $value]);
        is($answer && $answer->{status}, 401, 'Authorization: ' . substr $value, 0, 20);
    }
};

row 'GHSA-x445-f3h2-j279', 'a signed cookie is good under its name alone' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    my $signed = signed('true');
    no_session($site, "$COOKIE[0]=$signed", 'dont_remember as session_token');
    my ($value) = $user->{cookie} =~ /session_token=([^;]+)/;
    no_session($site, "better-auth.dont_remember=$value; better-auth.session_data=$value", 'session_token elsewhere');
};

row 'GHSA-xv97-c62v-4587', 'mail goes to the address of the row' => sub {
    my ($site) = @_;
    my $user = sign_up($site, email => 'zoe@example.com');
    post($site, '/request-password-reset', { email => $_ }) for 'zoe@example.com,evil@example.com', "zo\x{e9}\@example.com", 'ZOE@example.com', 'zoe@example.com;evil@example.com';
    is_deeply([map { $_->{to} } mails($site)], ['zoe@example.com'], 'once, for the one spelling that is hers');
}, 'mail';

once 'CVE-2022-31093', 'a bad address is answered at once' => sub {
    my ($site) = @_;
    for my $url ('http://' . 'a' x 60000, 'https://[', '/' . '/..' x 10000, '%' x 30000, 'a:' x 20000) {
        my $begun = time;
        my $answer = post($site, '/sign-in/email', { email => 'a@example.com', password => 'x', callbackURL => $url });
        is($answer->{status}, 403, substr $url, 0, 12);
        cmp_ok(time - $begun, '<', 5, 'without thinking');
    }
};

# --- mod_auth_openidc and mod_auth_mellon

once 'CVE-2017-6413', 'nobody brings an identity along where nobody is asked for one' => sub {
    my ($site) = @_;
    for my $method (qw(GET POST OPTIONS DELETE)) {
        my $answer = request($site, $method => '/optional/echo', headers => ['X-Auth-Email' => 'evil@example.com', 'Remote-User' => 'evil', 'X_Auth_User_Id' => 'evil', 'X-Forwarded-User' => 'evil']);
        unlike($answer->{body} // '', qr/evil/, "$method: the back end is told nothing");
    }
};

row 'CVE-2021-32785', 'texts are no formats' => sub {
    my ($site) = @_;
    my $odd = '%n%s%n%s%x%999999d%p';
    my $user = sign_up($site, name => $odd, image => $odd);
    is(request($site, GET => '/api/auth/get-session', cookie => $user->{cookie}, headers => ['User-Agent' => $odd])->{json}{user}{name}, $odd, 'they come back as they were');
    is(request($site, GET => '/guarded/env', cookie => $user->{cookie})->{json}{BETTERAUTH_NAME}, $odd, 'to programs too');
    is(request($site, GET => "/api/auth/$_")->{status}, 404, $_) for '%25n%25s', '%25s%25s%25s';
    is(post($site, '/sign-in/email', { email => "$odd\@example.com", password => $odd, callbackURL => "/$odd" })->{status} < 500, 1, 'nor are return addresses');
};

once 'CVE-2021-20718', 'a POST may have no body and no type' => sub {
    my ($site) = @_;
    for my $path (map { $_->[1] =~ s/:\w+/x/r } grep { $_->[0] eq 'POST' } @ROUTES) {
        for my $o ([], [headers => ['Content-Type' => '']], [body => ''], [body => '', headers => ['Content-Type' => 'application/json']], [body => '{}'], [body => "\0"], [form => []]) {
            my $answer = request($site, POST => "/api/auth$path", @$o);
            like($answer && $answer->{status}, qr/^(?:200|4\d\d)$/, $path) or diag explain $o;
        }
    }
};

once 'CVE-2023-28625', 'a Cookie header may be anything' => sub {
    my ($site) = @_;
    for my $cookie (';', '; ;', ' ', '=', '=;=', ';;;;a', 'a', "$COOKIE[0]", "$COOKIE[0]=", '"', 'a="', "\t", ';' x 4000, 'a=b; ' x 1000, "$COOKIE[0]==; $COOKIE[0]=\"\"") {
        is(page($site, $cookie)->{status}, 401, substr $cookie, 0, 16);
        is(request($site, GET => '/not-guarded/echo', cookie => $cookie)->{status}, 200, 'and to a back end: ' . substr $cookie, 0, 16);
    }
};

row 'CVE-2024-24814', 'a number in a cookie\'s name drives no loop' => sub {
    my ($site) = @_;
    my $user = sign_up("cache-$site");
    for my $n ('99999999', '-1', '1e9', '4294967296', '0x10', '') {
        my $begun = time;
        is(request("cache-$site", GET => '/api/auth/get-session', cookie => "$user->{cookie}; better-auth.session_data.$n=x; better-auth.session_data.0=y")->{status}, 200, ".$n");
        cmp_ok(time - $begun, '<', 5, 'at once');
    }
};

once 'CVE-2025-31492', 'nothing of a page follows the answer that refuses it' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    my $content = page($site, $user->{cookie})->{body};
    ok(length $content > 10, 'there is a page');
    my @ways = (['fetch'], ['navigation', 'Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', Accept => 'text/html'], ['form', 'Content-Type' => 'application/x-www-form-urlencoded', Accept => 'text/html'], ['range', Range => 'bytes=0-10'], ['condition', 'If-None-Match' => '*']);
    for (@ways) {
        my ($name, @headers) = @$_;
        my $answer = page($site, undef, headers => \@headers);
        like($answer->{status}, qr/^(?:401|302|303)$/, "$name: is refused");
        is(index($answer->{body}, substr $content, 0, 40), -1, "$name: nothing of it is there");
    }
};

once 'openidc 2026-08-20', 'a query may be anything' => sub {
    my ($site) = @_;
    for my $route (@ROUTES) {
        my $path = $route->[1] =~ s/:\w+/x/r;
        for my $query ('?', '?&', '?=', '?a', '?&&=&', '?%', '?callbackURL', '?token=&token=') {
            my $answer = request($site, GET => "/api/auth$path$query");
            like($answer && $answer->{status}, qr/^(?:200|302|4\d\d)$/, "$path$query");
        }
    }
};

once 'CVE-2019-3878', 'no header switches the guard off' => sub {
    my ($site) = @_;
    for my $h (['PAOS' => 'ver="urn:liberty:paos:2003-08"'], ['Accept' => 'application/vnd.paos+xml'], ['X-Requested-With' => 'XMLHttpRequest'], ['Accept' => 'application/json'], ['Upgrade' => 'websocket'], ['Expect' => '100-continue'],
        ['X-HTTP-Method-Override' => 'OPTIONS'], ['X-Original-URL' => '/'], ['X-Rewrite-URL' => '/'], ['X-Forwarded-For' => '127.0.0.1'], ['X-Auth-Email' => 'a@b.example'], ['Authorization' => 'Basic YTpi'], ['Origin' => ORIGIN], ['Max-Forwards' => 0],
        ['Access-Control-Request-Method' => 'GET']) {
        is(page($site, undef, headers => $h)->{status}, 401, "@$h");
    }
};

row 'CVE-2016-2145', 'half a body is none' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    my $text = JSON::PP->new->encode({ email => $user->{email}, password => PASSWORD });
    for my $framing ('Content-Length: ' . (1 + length $text) . "\r\n\r\n$text", "Transfer-Encoding: chunked\r\n\r\n" . sprintf("%x\r\n%s\r\n", length $text, $text), sprintf "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s", 1 + length $text, $text) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => BATest::state()->{flavours}{ flavour() }{sites}{$site}{port}) or die;
        print {$socket} "POST /api/auth/sign-in/email HTTP/1.1\r\nHost: auth.test\r\nContent-Type: application/json\r\nOrigin: ${\ORIGIN}\r\nConnection: close\r\n$framing";
        shutdown $socket, 1;
        local $/;
        my $answer = <$socket> // '';
        unlike($answer, qr{^HTTP/1.1 2}, 'is no request: ' . substr $framing, 0, 20);
    }
    is(session_count($site), 1, 'no session more');
};

# --- httpd's own

row 'CVE-2018-17199', 'what is over is over, whatever the browser keeps' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    my $past = moment($site, -2);
    sql($site, "UPDATE session SET expiresAt = '$past'");
    is(page($site, $user->{cookie})->{status}, 401, 'the guard');
    no_session($site, $user->{cookie}, 'the API');
};

once 'CVE-2018-1283', 'no header is taken for a session' => sub {
    my ($site) = @_;
    my $got = request($site, GET => '/optional/env', headers => [Session => 'user=evil', 'BETTERAUTH_USER_ID' => 'evil', 'HTTP-SESSION' => 'evil', 'Remote-User' => 'evil'])->{json};
    is_deeply([grep { /^(?:BETTERAUTH_|REMOTE_USER|SESSION)/ } keys %$got], [], 'a program is told nothing');
};

row 'CVE-2013-2249', 'each sign-in is a session of its own' => sub {
    my ($site) = @_;
    my ($attacker, $victim) = map { sign_up($site) } 1, 2;
    my $in = post($site, '/sign-in/email', { email => $victim->{email}, password => PASSWORD }, cookie => $attacker->{cookie});
    isnt($in->{json}{token}, $attacker->{token}, 'a token that was brought along is not taken over');
    isnt($in->{json}{token}, $victim->{token}, 'nor an older one');
    session_is($site, $attacker->{cookie}, $attacker->{email}, 'and still is whose it was');
};

once 'CVE-2017-3167', 'Basic is no second door' => sub {
    my ($site) = @_;
    my $answer = page($site, undef, headers => basic('alice', 'secret'));
    is($answer->{status}, 401, 'it does not open');
    unlike(header($answer, 'www-authenticate') // '', qr/Basic/i, 'and is not asked for');
};

row 'CVE-2014-8109', 'two Require lines have arguments of their own' => sub {
    my ($site) = @_;
    my ($boss, $other) = (sign_up($site, email => 'boss@example.com'), sign_up($site));
    is(request($site, GET => '/require-any/index.html', cookie => $boss->{cookie})->{status} == 403 ? 1 : 0, 0, 'the one that the third line names');
    is(request($site, GET => '/require-any/index.html', cookie => $other->{cookie})->{status}, 403, 'one that none names');
};

once 'CVE-2021-41773', 'no spelling of a path leads past the guard' => sub {
    my ($site) = @_;
    my $user = sign_up($site);
    my $content = page($site, $user->{cookie})->{body};
    for my $path ('/members/page.html', '//members/page.html', '/./members/page.html', '/x/../members/page.html', '/%6dembers/page.html', '/members/%70age.html', '/members/.%2e/members/page.html', '/%2e/members/page.html',
        '/members/page.html%00', '/members/page.html%0a', '/members%0a/page.html', '/members/page.html%20', '/members/page.html;x', '/members;/page.html', '/members%2fpage.html', '/members%5cpage.html', '/members/page.html?x', '/members/page.html%3fx',
        '/via-alias/page.html', '/via-rewrite', 'http://auth.test/members/page.html', '/members/sub/../page.html', '/MEMBERS/page.html', "/members/page.html\x{c0}\x{af}") {
        my $answer = request($site, GET => $path);
        next unless $answer;
        unlike($answer->{status}, qr/^2/, $path);
        is(index($answer->{body}, substr $content, 0, 40), -1, "$path: nothing of it");
    }
};

once 'CVE-2017-15715', 'a line end is no end' => sub {
    my ($site) = @_;
    is(request($site, GET => "/api/auth/ok$_")->{status}, 404, "ok$_") for qw(%0a %0d %0d%0a %00);
    is(post($site, '/sign-in/email', { email => 'a@example.com', password => 'x', callbackURL => "/x\n" })->{status}, 403, 'a return address with one');
    is(post($site, '/sign-in/email', {}, origin => ORIGIN . '%0a.evil.example', cookie => 'a=b')->{status}, 403, 'an Origin with one');
};

once 'CVE-2012-0053', 'no error shows a cookie' => sub {
    my ($site) = @_;
    my $answer = request($site, GET => '/members/page.html', cookie => "$COOKIE[0]=canary-" . 'x' x 9000);
    unlike($answer->{body}, qr/canary/, "too large a header ($answer->{status})");
    expect_log('AH00561');
};

once 'CVE-2023-38709', 'no text splits a header' => sub {
    my ($site) = @_;
    my $crlf = "/x\r\nSet-Cookie: evil=1";
    for my $answer (request($site, GET => '/api/auth/error?error=a&error_description=' . uri_escape($crlf)), request($site, GET => '/auth/sign-in?callbackURL=' . uri_escape($crlf)),
        request($site, GET => '/members/page.html?' . uri_escape($crlf), headers => ['Sec-Fetch-Mode' => 'navigate', Accept => 'text/html'])) {
        is((grep { /evil/ } map { $_->[0] } @{ $answer->{headers} })[0], undef, 'no header more');
        is(cookies($answer)->{evil}, undef, 'no cookie more');
    }
};

once 'CVE-2017-9798', 'a method that nobody knows is guarded as any' => sub {
    my ($site) = @_;
    is(request($site, $_ => '/members/page.html')->{status} =~ /^(?:401|405|501)$/ ? 1 : 0, 1, $_) for qw(PROPFIND LOCK EVIL get HEAD PATCH OPTIONS);
};

once 'CVE-2026-33007', 'what only a forward proxy is asked' => sub {
    my ($site) = @_;
    for ([CONNECT => 'evil.example:443'], [GET => 'http://evil.example/members/page.html'], [OPTIONS => '*'], [GET => '*'], [GET => 'http://auth.test:666/api/auth/get-session']) {
        my ($method, $target) = @$_;
        my $answer = request($site, $method => $target);
        ok($answer, "$method $target: is answered");
        unlike($answer->{body} // '', qr/members only/i, "$method $target: opens nothing");
    }
    is(request($site, GET => '/api/auth/ok')->{status}, 200, 'and all go on');
};

done_testing;
