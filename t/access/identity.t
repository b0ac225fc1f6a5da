#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# What programs and back ends behind httpd are told, and what nobody can tell them from outside.
use strict;
use warnings;
use utf8;
use BATest;

my @FORGED = map { ($_ => 'evil@example.com') } qw(X-Auth-User-Id X-Auth-Email X-Auth-Name X-Auth-Email-Verified X-Auth-Session-Id x-auth-email
    X_Auth_Email X_AUTH_USER_ID X-Auth_Email x_auth-name X_Auth_Session_Id X.Auth.Email X~Auth_User.Id
    X-Auth-Role X-Auth-User Remote-User REMOTE_USER X-Remote-User x.remote.user X-Forwarded-User x_forwarded_user);

sub env  { my ($site, $path, %o) = @_; my $a = request($site, GET => $path, %o); return $a->{json} || diag("$path: $a->{status} $a->{body}") && {} }

# Header fields a back end received, by lower-case name with other signs read as -, as many of them do.
sub told {
    my ($site, $path, %o) = @_;
    my $answer = request($site, GET => $path, %o);
    my @raw = @{ $answer->{json}{headers} || [] };
    my %told;
    while (my ($name, $value) = splice @raw, 0, 2) { push @{ $told{ lc($name) =~ s/[^a-z0-9]/-/gr } }, $value }
    return ($answer, \%told);
}

each_site {
    my ($site) = @_;
    my $zoe = sign_up($site, email => 'zoe@example.com', name => "Zo\x{eb} <b> 50% \"x\"");
    my $id = $zoe->{user}{id};
    my ($session_id) = map { $_->[0] } sql($site, "SELECT id FROM session WHERE token = '$zoe->{token}'");
    my %env = (BETTERAUTH_USER_ID => $id, BETTERAUTH_EMAIL => 'zoe@example.com', BETTERAUTH_NAME => "Zo\x{eb} <b> 50% \"x\"",
        BETTERAUTH_EMAIL_VERIFIED => 'false', BETTERAUTH_SESSION_ID => $session_id);
    my %headers = ('x-auth-user-id' => $id, 'x-auth-email' => 'zoe@example.com', 'x-auth-email-verified' => 'false', 'x-auth-session-id' => $session_id,
        'x-auth-name' => 'Zo%C3%AB%20%3Cb%3E%2050%25%20%22x%22');

    for my $where (qw(guarded optional)) {
        subtest "a program, $where, signed in" => sub {
            my $got = env($site, "/$where/env", cookie => $zoe->{cookie}, headers => [@FORGED]);
            utf8::decode($got->{BETTERAUTH_NAME}) if defined $got->{BETTERAUTH_NAME};
            is($got->{$_}, $env{$_}, $_) for sort keys %env;
            is($got->{REMOTE_USER}, 'zoe@example.com', 'REMOTE_USER');
            is($got->{AUTH_TYPE}, 'Session', 'AUTH_TYPE');
            is($got->{'HTTP_' . uc($_) =~ tr/-/_/r}, $headers{$_}, $_) for sort keys %headers;
            ok(!(grep { defined && /evil\@/ } values %$got), 'nothing forged arrives');
            ok(!(grep { /^HTTP_/ && $got->{$_} =~ /\Q$zoe->{token}/ && $_ ne 'HTTP_COOKIE' } keys %$got), 'no token anywhere but in the cookie');
        };

        subtest "a back end, $where, signed in" => sub {
            my ($answer, $told) = told($site, "/$where/echo", cookie => $zoe->{cookie}, headers => [@FORGED]);
            is($answer->{status}, 200, 'is reached');
            is_deeply($told->{$_}, [$headers{$_}], "$_, once") for sort keys %headers;
            is_deeply([grep { grep { /evil\@/ } @{ $told->{$_} } } sort keys %$told], [], 'nothing forged arrives');
            like(header($answer, 'cache-control') // '', qr/private|no-store/, 'no shared cache keeps the answer');
        };
    }

    subtest 'anonymous, optional sign-in' => sub {
        my $got = env($site, '/optional/env', headers => [@FORGED]);
        is_deeply([grep { /^(?:BETTERAUTH_|HTTP_X_AUTH|REMOTE_USER|AUTH_TYPE)/ } sort keys %$got], [], 'a program is told nothing');
        my ($answer, $told) = told($site, '/optional/echo', headers => [@FORGED]);
        is($answer->{status}, 200, 'the back end is reached');
        is_deeply([grep { /^x-auth|user$/ } sort keys %$told], [], 'and told nothing');
        my ($forged, $told2) = told($site, '/optional/echo', headers => [@FORGED], cookie => 'better-auth.session_token=a.b');
        is_deeply([grep { /^x-auth/ } sort keys %$told2], [], 'a forged cookie changes nothing');
    };

    subtest 'Connection names no header of ours' => sub {
        for my $list ('X-Auth-Email', 'x-auth-email, X-Auth-User-Id', 'X-Auth-Name,X-Auth-Email-Verified, keep-alive', 'X_Auth_Email', "X-Auth-Email \t,X-Auth-Name ,x") {
            my ($answer, $told) = told($site, '/guarded/echo', cookie => $zoe->{cookie}, headers => [Connection => $list]);
            if ($answer->{status} == 400) { pass("Connection: $list is refused"); next }
            is_deeply($told->{$_}, [$headers{$_}], "Connection: $list: $_ arrives") for sort keys %headers;
        }
        my (undef, $told) = told($site, '/guarded/echo', cookie => $zoe->{cookie}, headers => [Connection => 'X-Auth-Email, X-One,X-Two', map { $_ => 'here' } qw(X-One X-Two X-Three)]);
        is_deeply([map { $told->{$_} && 1 } qw(x-one x-two x-three)], [undef, undef, 1], 'what else it names goes no farther');
        my $socket = BATest::_connect($site);
        print {$socket} "GET /guarded/echo HTTP/1.0\r\nHost: auth.test\r\nCookie: $zoe->{cookie}\r\nConnection: X-Auth-Email\r\n\r\n";
        like(do { local $/; <$socket> }, qr/"X-Auth-Email","zoe\@example\.com"/, 'nor nothing else');
    };

    subtest 'BetterAuthRemoteUser' => sub {
        is(env($site, '/remote-id/env', cookie => $zoe->{cookie})->{REMOTE_USER}, $id, 'id');
        my $name = env($site, '/remote-name/env', cookie => $zoe->{cookie})->{REMOTE_USER};
        utf8::decode($name);
        is($name, $env{BETTERAUTH_NAME}, 'name');
    };

    subtest 'a verified address' => sub {
        sql($site, "UPDATE user SET emailVerified = 1 WHERE id = '$id'");
        is(env($site, '/guarded/env', cookie => $zoe->{cookie})->{BETTERAUTH_EMAIL_VERIFIED}, 'true', 'is called so');
    };

    subtest 'hostile: a name of control characters' => sub {
        my $crlf = sign_up($site, name => "a\r\nX-Auth-Email: root\@example.com\r\n\r\nb\x{2028}");
        my ($answer, $told) = told($site, '/guarded/echo', cookie => $crlf->{cookie});
        is($answer->{status}, 200, 'is let in');
        is_deeply($told->{'x-auth-email'}, [$crlf->{email}], 'its address is its own');
        unlike($told->{'x-auth-name'}[0] // '', qr/[^\x21-\x7e]/, 'the name travels as printable ASCII');
        my $env = request($site, GET => '/guarded/env', cookie => $crlf->{cookie});
        is($env->{status}, 200, 'a program runs as well');
        for my $sign ("\r\n", "\x7f") {
            my $name = sign_up($site, name => "a${sign}b");
            my $user = env($site, '/remote-name/env', cookie => $name->{cookie})->{REMOTE_USER};
            ok(length $user && $user !~ /[\x00-\x1f\x7f]/, 'a REMOTE_USER of that name has none') or diag $user;
        }
    };

    subtest 'cookies of ours' => sub {
        my $all = "a=b; $zoe->{cookie}; better-auth.dont_remember=x; better-auth.session_data.1=y; c=\"d;better-auth.session_datax=z";
        for my $where (qw(guarded optional not-guarded)) {
            my ($answer, $told) = told($site, "/$where/echo", cookie => $all);
            is_deeply($told->{cookie}, ['a=b; c="d; better-auth.session_datax=z'], "$where: stay with httpd, and no others");
        }
        my (undef, $told) = told($site, '/guarded/echo', cookie => $zoe->{cookie});
        is($told->{cookie}, undef, 'no empty header is left');
        is_deeply($told->{'x-auth-email'}, ['zoe@example.com'], 'and yet we knew who it was');
        (undef, $told) = told($site, '/forwarded/echo', cookie => $all);
        is_deeply($told->{cookie}, [$all], 'BetterAuthForwardCookies on');
    };

    subtest 'a refresh reaches the browser, and no shared cache' => sub {
        sql($site, sprintf q{UPDATE session SET createdAt = '%s', updatedAt = '%1$s', expiresAt = '%s' WHERE token = '%s'},
            (map { moment($site, $_ * 86400) } -2, 5), $zoe->{token});
        my $page = request($site, GET => '/members/page.html', cookie => $zoe->{cookie});
        is($page->{status}, 200, 'a due session opens the page');
        is_deeply(cookies($page)->{'better-auth.session_token'}, { value => (split /=/, $zoe->{cookie}, 2)[1],
            attributes => 'Max-Age=604800; Path=/; HttpOnly; SameSite=Lax' }, 'and its cookie is renewed');
        like(header($page, 'cache-control') // '', qr/private|no-store/, 'privately');
    };
};

done_testing;
