#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The cookie cache between npm better-auth and httpd: what one writes the other believes, in each form and in pieces.
# That it was the cookie which answered is certain, since the session is deleted before. BA_SITES=npm: npm on both sides.
use strict;
use warnings;
use utf8;
use BATest;

my $DATA = 'better-auth.session_data';
my $self = $ENV{BA_SITES} ? 1 : 0;

sub get { my ($site, $cookie) = @_; return request($site, GET => '/api/auth/get-session', cookie => $cookie) }

# Names that JSON writers spell differently, or readers take for something else.
my @NAMES = ('Zoë 𝒜', join('', map { chr } 1 .. 31) . qq(\x7f\x80"\\/<>&'), "\x{2028}\x{2029}\x{feff}\x{fffd}", 'null', '7', '{"a":1}',
    ',"expiresAt":1,"signature":"', '}');

# Written at $a, read at $b.
sub travels {
    my ($a, $b, $name, $cookie, $token, $pieces) = @_;
    subtest $name => sub {
        my $here = get($a, $cookie);
        sql($a, "DELETE FROM session WHERE token = '$token'");
        is(scalar(() = $cookie =~ /\Q$DATA\E/g), $pieces, 'written in as many pieces as expected');
        my $there = get($b, $cookie);
        is_deeply($there->{json}, $here->{json}, 'the other says the same, to the millisecond') or diag $there->{body};
        is($there->{json}{session}{token}, $token, 'of that session');
        is_deeply(cookies($there)->{''}, [], 'and leaves the cookie alone');
        is(get($b, $cookie =~ s/; \Q$DATA\E.*//sr)->{body}, 'null', 'without it nobody is known');
        my $cut = get($b, substr $cookie, 0, -6);
        is($cut->{body}, 'null', 'nor with a part of it');
    };
}

sub pair {
    my ($a, $b) = @_;
    clean($a);
    for my $name (@NAMES) {
        my $shown = $name =~ s/([^!-~])/sprintf '<%x>', ord $1/ger;
        my $user = sign_up($a, name => $name, image => 'https://x.test/z.png');
        travels($a, $b, "sign-up of $shown", $user->{cookie}, $user->{token}, 1);
    }
    my $user = sign_up($a, name => 'Zoë');
    my $in = post($a, '/sign-in/email', { email => $user->{email}, password => PASSWORD, rememberMe => JSON::PP::false });
    travels($a, $b, 'sign-in, not remembered', cookie_header($in), $in->{json}{token}, 1);
    my $read = get($a, $user->{cookie} =~ s/;.*//r);
    travels($a, $b, 'get-session', join('; ', $user->{cookie} =~ s/;.*//r, cookie_header($read)), $user->{token}, 1);

    my $long = sign_up($a, image => 'i' x 3000);
    travels($a, $b, 'a long image, in pieces', $long->{cookie}, $long->{token}, 2);
    # longer and longer, over the place where the first piece is full
    my %counts;
    my ($probe) = sign_up($a, image => 'i' x 1000)->{cookie} =~ /\Q$DATA\E=(\S+)/;
    my $full = 1000 + int((3977 - length $probe) * 3 / 4);
    for my $length (map { $full + $_ } -20, -3 .. 3, 20) {
        my $one = sign_up($a, image => 'i' x $length);
        my $count = () = $one->{cookie} =~ /\Q$DATA\E/g;
        $counts{$count}++;
        travels($a, $b, "an image of $length", $one->{cookie}, $one->{token}, $count);
    }
    is(join(' ', sort keys %counts), '1 2', 'from one piece to two');
    # a piece less than before: none is left over for the other to stumble on
    $long = sign_up($a, image => 'i' x 3000);
    my $update = post($a, '/update-user', { image => undef, name => 'Short' }, cookie => $long->{cookie});
    my $after = cookie_header($update);
    is_deeply([sort map { /^(\Q$DATA\E\S*?)=/ ? $1 : () } split /; /, $after], [$DATA], 'update-user, without the image: one piece again');
    travels($a, $b, 'which is good there', $after, $long->{token}, 1);

    # what is over at one is over at the other
    my $over = sign_up($a);
    sql($a, "DELETE FROM session WHERE token = '$over->{token}'");
    is(post($b, '/verify-password', { password => PASSWORD }, cookie => $over->{cookie})->{status}, 401, 'revoked: nothing sensitive at the other');
}

for my $form (qw(compact jwt jwe)) {
    my ($npm, $httpd) = ("npm-node-cache-$form", $self ? "npm-node-cache-$form" : "node-cache-$form");
    subtest "$npm, then $httpd" => sub { pair($npm, $httpd) };
    subtest "$httpd, then $npm" => sub { pair($httpd, $npm) };
}

subtest 'one form is nothing to another' => sub {
    plan skip_all => 'needs httpd' if $self;
    my $user = sign_up('npm-node-cache-compact');
    for my $site (qw(node-cache-jwt node-cache-jwe)) {
        my $answer = get($site, $user->{cookie});
        is($answer->{status}, 200, "$site asks the database");
        is_deeply(cookies($answer)->{''}, [$DATA], 'and writes its own');
    }
};

done_testing;
