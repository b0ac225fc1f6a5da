#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The pages where an address has to be verified first: sign-up says to look into the mailbox, the link leads to sign-in
# and from there to where the visitor wanted to go.
use strict;
use warnings;
use BATest;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my @page = (origin => ORIGIN);
sub told { my ($answer) = @_; return "$answer->{status} " . (header($answer, 'location') // '-') }
sub sign_up_form { my ($email) = @_; return [name => 'Zoe', email => $email, password => PASSWORD, callbackURL => '/members/page.html?a=b'] }

each_site {
    my ($site) = @_;
    my $next = '/auth/check-mail?callbackURL=%2Fmembers%2Fpage.html%3Fa%3Db';
    my $email = new_email();

    is(told(request($site, POST => '/auth/sign-up', @page, form => sign_up_form($email))), "303 $next", 'after sign-up');
    is(told(request($site, POST => '/auth/sign-up', @page, form => sign_up_form($email))), "303 $next", 'the same for a taken address');
    my $look = request($site, GET => $next);
    is($look->{status}, 200, 'the page');
    like($look->{body}, qr{Check your mailbox.*href="/auth/sign-in\?callbackURL=%2Fmembers%2Fpage\.html%3Fa%3Db"}s, 'says where to look, and keeps the way');
    unlike($look->{body}, qr/\Q$email\E/, 'and not to whom');

    my @mails = mails($site, $email);
    is(scalar @mails, 1, 'one mail');
    (my $path = $mails[0]{url}) =~ s{^\Q@{[ORIGIN]}\E}{};
    my $in = request($site, POST => '/auth/sign-in', @page, form => [email => $email, password => PASSWORD, callbackURL => '/x']);
    is($in->{status}, 403, 'not before it is verified');
    like($in->{body}, qr/not confirmed yet/, 'and why');

    my $followed = request($site, GET => $path);
    is(told($followed), '302 /auth/sign-in?callbackURL=%2Fmembers%2Fpage.html%3Fa%3Db', 'the link leads to sign-in');
    my $cookie = cookie_header($followed);
    is(told(request($site, GET => header($followed, 'location'), cookie => $cookie)), '303 /members/page.html?a=b', 'which forwards, since the link signs in here');

    my $bad = request($site, GET => $path =~ s/token=\w\w/token=xx/r);
    is(told($bad), '302 /auth/sign-in?callbackURL=%2Fmembers%2Fpage.html%3Fa%3Db&error=INVALID_TOKEN', 'a bad link leads there as well');
    like(request($site, GET => header($bad, 'location'))->{body}, qr/This link is not good any more/, 'where it is explained');
    unlike(request($site, GET => '/auth/sign-in?error=<b>')->{body}, qr/not good any more|<b>/, 'other words are not repeated');
} 'strict';

done_testing;
