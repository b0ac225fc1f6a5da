#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Require betterauth: who is let in, and what the others are told.
use strict;
use warnings;
use utf8;
use BATest;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my @NAVIGATION = ('Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', Accept => 'text/html');
my @FETCH = ('Sec-Fetch-Mode' => 'cors', 'Sec-Fetch-Dest' => 'empty', Accept => '*/*');

sub told { my ($answer) = @_; return "$answer->{status} " . (header($answer, 'location') // $answer->{json}{code} // '-') }

my $log = BATest::state()->{workdir} . '/who-log-' . BATest::flavour() . '.log';
my $logging = private_httpd(name => 'who-log', extra => qq{    CustomLog "$log" "%{email}^BA %{BETTERAUTH_USER_ID}^BA %{nonsense}^BA %U"\n});

subtest 'in the access log' => sub {
    my $site = 'who-log';
    my $zoe = sign_up($site, email => 'zoe@example.com', name => "Zo\x{eb}");
    request($site, GET => $_, cookie => $zoe->{cookie}) for '/guarded/env', '/index.html';
    request($site, GET => '/guarded/env');
    $logging->stop;
    my @lines = grep { !/api/ } split /\n/, BATest::_slurp($log);
    is_deeply(\@lines, ["zoe\@example.com $zoe->{user}{id} - /guarded/env", '- - - /index.html', '- - - /guarded/env'], 'who it was, where somebody had asked');
};

each_site {
    my ($site) = @_;
    expect_log('AH01630');    # mod_authz_core says whom it refused
    my %user;
    for my $row ([zoe => 'zoe@example.com'], [vera => 'vera@example.com'], [staff => 'sam@staff.example'], [fake => 'eve@staff.example'], [boss => 'boss@example.com']) {
        my ($who, $email) = @$row;
        $user{$who} = sign_up($site, email => $email, name => ucfirst $who);
    }
    sql($site, "UPDATE user SET emailVerified = 1 WHERE email IN ('vera\@example.com', 'sam\@staff.example')");
    my $get = sub { my ($who, $path, @headers) = @_; return request($site, GET => "/require-$path/env", headers => \@headers, $who ? (cookie => $user{$who}{cookie}) : ()) };

    # path => who comes in; all others are refused
    my %open = (
        verified => 'vera staff', fresh => 'zoe vera staff fake boss', 'fresh-default' => 'zoe vera staff fake boss',
        staff => 'staff', all => 'vera staff', any => 'vera staff boss', unverified => 'zoe fake boss',
    );
    for my $path (sort keys %open) {
        subtest $path => sub {
            for my $who (sort keys %user) {
                my $in = grep { $_ eq $who } split ' ', $open{$path};
                my $answer = $get->($who, $path, @FETCH);
                is($in ? $answer->{json}{BETTERAUTH_EMAIL} : told($answer), $in ? $user{$who}{email} : '403 FORBIDDEN', "$who, a program");
                $answer = $get->($who, $path, @NAVIGATION);
                is($answer->{status}, $in ? 200 : 403, "$who, a person");
                like($answer->{body}, qr/signed in as.*\Q$user{$who}{email}\E.*other=1&(?:amp;|#38;)?callbackURL=%2Frequire-\Q$path\E%2Fenv/s, "$who is told who they are, and the way on") unless $in;
            }
            is(told($get->(undef, $path, @FETCH)), '401 UNAUTHORIZED', 'nobody, a program');
            is(told($get->(undef, $path, @NAVIGATION)), "302 /auth/sign-in?callbackURL=%2Frequire-$path%2Fenv", 'nobody, a person');
        };
    }

    subtest 'Require expr' => sub {
        is($get->('fake', 'expr', @FETCH)->{status}, 200, 'who fits');
        is(told($get->('zoe', 'expr', @FETCH)), '403 FORBIDDEN', 'who does not');
        is($get->(undef, 'expr', @FETCH)->{status}, 403, 'nobody does not either, and httpd takes that as the last word');
    };

    subtest 'a session that is not fresh' => sub {
        my $old = BATest::dialect($site) eq 'mysql' ? 'DATE_SUB(createdAt, INTERVAL 2 HOUR)' : q{strftime('%Y-%m-%dT%H:%M:%fZ', createdAt, '-2 hours')};
        sql($site, "UPDATE session SET createdAt = $old WHERE userId = '$user{staff}{user}{id}'");
        is(told($get->('staff', 'fresh', @FETCH)), '403 SESSION_NOT_FRESH', 'a program');
        is(told($get->('staff', 'all', @FETCH)), '403 SESSION_NOT_FRESH', 'where other lines agree');
        is(told($get->('staff', 'fresh', @NAVIGATION)), '302 /auth/sign-in?again=1&callbackURL=%2Frequire-fresh%2Fenv', 'a person is asked for the password again');
        is($get->('staff', 'fresh-default', @FETCH)->{status}, 200, 'within BetterAuthSessionFreshAge');
        sql($site, "UPDATE session SET createdAt = '2020-01-01" . (BATest::dialect($site) eq 'mysql' ? ' 00:00:00' : 'T00:00:00.000Z') . "' WHERE userId = '$user{staff}{user}{id}'");
        is($get->('staff', 'fresh-default', @FETCH)->{status}, 403, 'and beyond it');
        is($get->('staff', 'fresh-never', @FETCH)->{status}, 200, 'fresh 0: however old');
        my $page = request($site, GET => '/auth/sign-in?again=1&callbackURL=%2Frequire-fresh%2Fenv', cookie => $user{staff}{cookie}, headers => \@NAVIGATION);
        is($page->{status}, 200, 'the page does not forward who is signed in');
        like($page->{body}, qr/Confirm that it is you.*value="sam\@staff\.example"/s, 'and knows the address');
        my $in = request($site, POST => '/auth/sign-in', cookie => $user{staff}{cookie}, origin => ORIGIN,
            form => [email => 'sam@staff.example', password => PASSWORD, callbackURL => '/require-fresh/env']);
        is(told($in), '303 /require-fresh/env', 'the password leads back');
        is(request($site, GET => '/require-fresh/env', cookie => cookie_header($in))->{status}, 200, 'and in');
    };

    subtest 'a form whose session is over' => sub {
        for my $headers ([@NAVIGATION], [Accept => 'text/html']) {
            my $answer = request($site, POST => '/require-verified/env', headers => $headers, form => [text => 'long']);
            is($answer->{status}, 401, 'status');
            like($answer->{body}, qr/has not been sent.*reload this page/s, 'the page says what to do');
            like(header($answer, 'cache-control'), qr/no-store/, 'not kept');
            like(header($answer, 'www-authenticate'), qr/^Session realm="/, 'with a challenge, as every 401');
        }
        my @old = ('multipart/form-data; boundary=x' => '401 -', 'application/json' => '401 UNAUTHORIZED', 'text/plain' => '401 UNAUTHORIZED');
        while (my ($type, $told) = splice @old, 0, 2) {
            is(told(request($site, POST => '/require-verified/env', headers => [Accept => 'text/html', 'Content-Type' => $type], body => '{}')), $told, "an old browser, $type");
        }
        is(told(request($site, POST => '/require-verified/env', headers => \@FETCH, form => [a => 1])), '401 UNAUTHORIZED', 'a script');
        is(told(request($site, GET => '/auth/expired')), '303 /', 'the page is not there of itself');
        is(told(request($site, GET => '/auth/forbidden', cookie => $user{zoe}{cookie})), '303 /', 'nor the other');
        is(request($site, POST => '/auth/forbidden', origin => ORIGIN, form => [a => 1])->{status}, 404, 'and takes nothing');
    };

    subtest "an operator's own error documents" => sub {
        is($get->(undef, 'own-page', @NAVIGATION)->{status} . ' ' . $get->(undef, 'own-page', @NAVIGATION)->{body}, '401 ours: sign in', 'for nobody');
        my $else = $get->('zoe', 'own-page', @NAVIGATION);
        is("$else->{status} $else->{body} " . header($else, 'cache-control'), '403 ours: forbidden no-store', 'for somebody else, and not kept');
        is(told($get->(undef, 'own-page', @FETCH)), '401 UNAUTHORIZED', 'a program still gets JSON');
        is($get->('zoe', 'own-page', @FETCH)->{body}, 'ours: forbidden', 'but no other 403');
    };

    subtest 'other origins' => sub {
        my @cors = (Origin => 'https://app.example', 'Sec-Fetch-Mode' => 'cors');
        for my $answer ($get->(undef, 'verified', @cors), $get->('zoe', 'verified', @cors)) {
            is(header($answer, 'access-control-allow-origin'), 'https://app.example', "a script can read the $answer->{status}");
            is(header($answer, 'access-control-allow-credentials'), 'true', 'sent with cookies');
        }
        my $preflight = request($site, OPTIONS => '/require-verified/env', headers => [Origin => 'https://app.example',
            'Access-Control-Request-Method' => 'PUT', 'Access-Control-Request-Headers' => 'content-type,x-y']);
        is("$preflight->{status} [$preflight->{body}]", '204 []', 'a preflight is answered');
        is(header($preflight, 'access-control-allow-methods') . ' ' . header($preflight, 'access-control-allow-headers'), 'PUT content-type,x-y', 'as asked');
        is(header($preflight, 'access-control-max-age'), 600, 'for ten minutes');
        my $evil = request($site, OPTIONS => '/require-verified/env', headers => [Origin => 'https://evil.example', 'Access-Control-Request-Method' => 'PUT']);
        is(told($evil), '401 UNAUTHORIZED', 'not for others');
        is(header($evil, 'access-control-allow-origin'), undef, 'who cannot read it');
        my $refused = request($site, OPTIONS => '/require-verified/env', headers => [Origin => 'https://evil.example', 'Access-Control-Request-Method' => 'PUT'], cookie => $user{zoe}{cookie});
        is(told($refused), '403 FORBIDDEN', 'and with a cookie it is a request as any other');
        is(told(request($site, OPTIONS => '/require-verified/env', headers => [Origin => 'https://app.example'])), '401 UNAUTHORIZED', 'an OPTIONS that is none');
    };

    subtest 'variables' => sub {
        my $id = $user{zoe}{user}{id};
        my ($session) = map { $_->[0] } sql($site, "SELECT id FROM session WHERE token = '$user{zoe}{token}'");
        my $zoe = request($site, GET => '/variables', cookie => $user{zoe}{cookie});
        is(header($zoe, 'x-expr'), "zoe\@example.com|$id|Zoe|false|$session", 'in a header');
        is(header($zoe, 'x-is'), 'somebody', 'as its condition');
        is(header($zoe, 'x-if'), 'zoe', 'in <If>');
        is(header($zoe, 'x-rewrite'), 'known', 'in RewriteCond');
        is(header(request($site, GET => '/variables', cookie => $user{vera}{cookie}), 'x-if'), undef, 'not for others');
        my $nobody = request($site, GET => '/variables', headers => ['X-Auth-Email' => 'zoe@example.com', Cookie => 'better-auth.session_token=x.y']);
        is(header($nobody, 'x-expr'), '||||', 'empty for nobody');
        is(header($nobody, $_), undef, "no $_") for qw(x-is x-if x-rewrite);
    };
};

subtest 'lines that are wrong' => sub {
    for my $row (['', qr/takes: email-verified, fresh/], ['verified', qr/takes: email-verified/], ['fresh soon', qr/takes an age/], ['email', qr/needs a pattern/], ['email-verified now', qr/takes:/],
        ['role', qr/role needs a name/], ['role ""', qr/role needs a name/], ['role admin,editor', qr/names with blanks between, without commas/], ['roles admin', qr/takes: .*role NAME/]) {
        my ($line, $expect) = @$row;
        my ($status, $output) = configtest("<Location />\nAuthType Session\nAuthName x\nRequire betterauth $line\n</Location>\n");
        ok($status, "Require betterauth $line");
        like($output, $expect, 'and why');
    }
    my ($status, $output) = configtest("<If \"%{BETTERAUTH:mail} == 'x'\">\n</If>\n");
    ok($status, 'an unknown name in an expression');
    like($output, qr/BETTERAUTH:mail\} is not known/, 'and why');
};

done_testing;
