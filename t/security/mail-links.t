#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Mailed links lead to us and to nobody else; mail goes to the address of the row; looking at a link changes nothing.
use strict;
use warnings;
use utf8;
use BATest;

my @TABLES = qw(user account session verification test_mail);

sub rows { my ($site) = @_; return join "\n", map { my $table = $_; map { join "\t", $table, map { $_ // 'NULL' } @$_ } sql($site, "SELECT * FROM $table") } @TABLES }
sub forget { sql($_[0], 'DELETE FROM ba_mail; DELETE FROM test_mail; DELETE FROM verification;') }
sub path { my ($url) = @_; return $url =~ s{^http://auth\.test}{}r }

# One user who may do everything.
sub user {
    my ($strict) = @_;
    clean($strict);
    post($strict, '/sign-up/email', { name => 'Ada', email => 'ada@example.com', password => PASSWORD });
    sql($strict, 'UPDATE user SET emailVerified = 1');
    my $in = post($strict, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD });
    sql($strict, 'UPDATE user SET emailVerified = 0');
    forget($strict);
    return cookie_header($in);
}

each_site {
    my ($site) = @_;
    my $cookie = user($site);
    my %asks = ('request-password-reset' => { email => 'ada@example.com', redirectTo => '/new' }, 'send-verification-email' => { email => 'ada@example.com' },
        'change-email' => { newEmail => 'new@example.com' }, 'delete-user' => {});

    subtest 'Host and its like' => sub {
        for my $ask (sort keys %asks) {
            for my $poison ([host => 'evil.test'], [headers => ['X-Forwarded-Host' => 'evil.test', 'X-Forwarded-Proto' => 'https', 'X-Forwarded-Port' => '666']],
                [headers => [Forwarded => 'host=evil.test;proto=https']], [headers => ['X-Original-URL' => 'http://evil.test/', 'X-Rewrite-URL' => 'http://evil.test/', 'X-HTTP-Host-Override' => 'evil.test']],
                [host => "auth.test:666\@evil.test"], [host => 'auth.test.evil.test']) {
                clean($site);
                my $own = user($site);
                sql($site, 'UPDATE user SET emailVerified = 1') if $ask eq 'change-email';
                my $answer = post($site, "/$ask", $asks{$ask}, cookie => $own, @$poison);
                next if $answer->{status} == 400 && $answer->{body} =~ /<html>/i;    # a Host that httpd itself refuses
                is($answer->{status}, 200, "$ask, @{[ ref $poison->[1] ? join ' ', @{ $poison->[1] } : @$poison ]}");
                my @mails = mails($site);
                is(scalar @mails, 1, 'one mail');
                like($mails[0]{url}, qr{^http://auth\.test/api/auth/}, 'the link is ours');
                unlike($mails[0]{message}, qr/evil\.test|:666\b/, 'nothing of it is in the mail');
            }
        }
    };

    subtest 'callbacks of links' => sub {
        $cookie = user($site);
        for my $ask ('request-password-reset', 'send-verification-email', 'delete-user', 'change-email') {
            sql($site, 'UPDATE user SET emailVerified = 1') if $ask eq 'change-email';    # or it would be changed at once
            post($site, "/$ask", $asks{$ask}, cookie => $cookie);
        }
        my @links = map { path($_->{url}) =~ s/[?&]callbackURL=.*//r } mails($site);
        is(scalar @links, 4, 'four links');
        my $before = rows($site);
        my @evil = ('https://evil.test', '//evil.test', '///evil.test', '/\\evil.test', '\\\\evil.test', "/\tevil.test/..//evil.test", "/\n/evil.test", '/%2fevil.test', '/%5cevil.test', '/%2F%2Fevil.test',
            'javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', 'vbscript:x', 'http:evil.test', 'http:/evil.test', 'https:///evil.test', 'http://auth.test@evil.test', 'http://auth.test:80@evil.test/',
            'http://auth.test.evil.test', 'http://evil.test#http://auth.test', 'http://evil.test?http://auth.test', 'http://auth.test\\@evil.test', 'http://auth.test%2f.evil.test', 'https://app.example.evil.test',
            'https://evil-app.example', 'http://auth.test:81', 'https://auth.test', 'ftp://auth.test', 'evil.test', './/evil.test', '?//evil.test', '#', "/\x7f", "\x{ff0f}/evil.test", "/\x{85}\x{2028}", "http://auth.te\x{17f}t", 'http://[::1]');
        for my $link (@links) {
            my $name = $link =~ s/token=.{8}\K.*|reset-password\/.{4}\K.*//r;
            for my $url (@evil) {
                my $answer = request($site, GET => "$link@{[ $link =~ /\?/ ? '&' : '?' ]}callbackURL=" . uri_escape($url), cookie => $cookie);
                my $shown = $url =~ s/[^ -~]/?/gr;
                is("$answer->{status} " . ($answer->{json}{code} // ''), '403 INVALID_CALLBACK_URL', "$name: $shown");
                is(header($answer, 'location'), undef, 'goes nowhere');
            }
        }
        is(rows($site), $before, 'and nothing changed');
        # httpd answers HEAD by GET's handlers unless they look
        for my $link (@links) {
            my $answer = request($site, HEAD => "$link@{[ $link =~ /\?/ ? '&' : '?' ]}callbackURL=/", cookie => $cookie);
            is("$answer->{status} $answer->{body}", '404 ', 'HEAD is nothing');
        }
        is(rows($site), $before, 'and changes nothing');
    };

    subtest 'addresses' => sub {
        my %stored = ('another case' => 'ADA@example.com', 'an accent' => 'adá@example.com', 'a blank at the end' => 'ada@example.com ', 'a long s' => 'ada@example.com' =~ s/e/ė/r, 'full width' => 'ａda@example.com');
        for my $name (sort keys %stored) {
            $cookie = user($site);
            sql($site, "UPDATE user SET email = '$stored{$name}'");
            for my $ask ('request-password-reset', 'send-verification-email') {
                is(post($site, "/$ask", { email => 'ada@example.com' })->{status}, 200, "$name in the row: $ask");
            }
            is_deeply([mails($site)], [], 'is no address of that name');
        }
        $cookie = user($site);
        for my $typed ("adá\@example.com", "ad\x{ff41}\@example.com", "ada\@example.com\x{2028}", "ada\@ex\x{e4}mple.com", 'ada@example.com,eve@example.com', 'ada@example.com;eve@example.com', 'ada@example.com eve@example.com',
            'ada@example.com%0abcc:eve@example.com', "ada\@example.com\r\nBcc: eve\@example.com", '<ada@example.com>', '"ada"@example.com', 'ada(x)@example.com', "\x{130}da\@example.com", "ada\@example.com\x{200b}", '["ada@example.com","eve@example.com"]') {
            (my $shown = $typed) =~ s/[^ -~]/?/g;
            is(post($site, "/$_", { email => $typed })->{status}, 400, "$shown: $_") for 'request-password-reset', 'send-verification-email';
            is(post($site, '/change-email', { newEmail => $typed }, cookie => $cookie)->{status}, 400, "$shown: change-email");
        }
        is_deeply([mails($site)], [], 'no mail');
        post($site, "/$_", { email => 'ADA@Example.COM' }) for 'request-password-reset', 'send-verification-email';
        my @mails = mails($site);
        is_deeply([map { $_->{to} } @mails], [('ada@example.com') x 2], 'typed in another case, mailed as stored');
        unlike($_->{message}, qr/ADA\@|Example\.COM/, 'nothing of what was typed is in it') for @mails;
        clean($site);
    };
} 'strict';

done_testing;
