#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# npm better-auth with its admin plugin and httpd with BetterAuthAdmin on, on one database with one secret: roles and bans
# that an administrator gives there count here at once. BA_SITES=npm puts npm on both sides.
use strict;
use warnings;
use BATest;

my $npm = 'npm-node-admin';
my $httpd = $ENV{BA_SITES} ? $npm : 'node-admin';

sub who { my ($site, $user) = @_; return request($site, GET => '/api/auth/get-session', cookie => $user->{cookie})->{json} }
sub sign_in { my ($site, $user) = @_; return post($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD }) }
sub enter { my ($site, $user) = @_; my $in = sign_in($site, $user); is($in->{status}, 200, 'signs in'); $user->{cookie} = cookie_header($in) }
sub opened { my ($user) = @_; return is_httpd($httpd) ? request($httpd, GET => '/require-role/env', cookie => $user->{cookie})->{status} : 'npm' }
sub status_is { my ($got, $expected, $name) = @_; return is($got, $got eq 'npm' ? 'npm' : $expected, $name) }

expect_log('AH01630');    # mod_authz_core says whom it refused
clean($npm);
my ($root, $there, $here) = (sign_up($npm), sign_up($npm), sign_up($httpd));
sql($npm, "UPDATE user SET role = 'admin' WHERE id = '$root->{user}{id}'");
# an endpoint of the plugin, as the administrator
my $do = sub { my ($path, %body) = @_; my $answer = post($npm, "/admin/$path", \%body, cookie => $root->{cookie}); is($answer->{status}, 200, "npm: $path") or diag $answer->{body}; return $answer->{json} };

for my $user ($there, $here) {
    my $from = $user == $there ? 'npm' : 'httpd';
    my $id = $user->{user}{id};
    subtest "a user of $from" => sub {
        is($user->{user}{role}, 'user', 'begins as user');
        is_deeply(who($npm, $user), who($httpd, $user), 'both say the same');
        status_is(opened($user), 403, 'and does not come in');
        $do->('set-role', userId => $id, role => ['user', 'editor']);
        is(who($httpd, $user)->{user}{role}, 'user,editor', 'two roles');
        is_deeply(who($npm, $user), who($httpd, $user), 'both say the same');
        status_is(opened($user), 200, 'come in');

        $do->('ban-user', userId => $id, banReason => 'spam', banExpiresIn => 86400);
        is(who($httpd, $user), undef, 'banned: the session is over');
        my @refused = map { sign_in($_, $user) } $npm, $httpd;
        is("$refused[1]{status} $refused[1]{body}", "$refused[0]{status} $refused[0]{body}", 'both refuse with the same words');
        is("$refused[1]{status} $refused[1]{json}{code}", '403 BANNED_USER', 'these');
        $do->('unban-user', userId => $id);
        enter($httpd, $user);
        is_deeply(who($npm, $user), who($httpd, $user), 'no longer: signs in here and is known there');
        is_deeply([@{ who($npm, $user)->{user} }{qw(banned banReason banExpires)}], [JSON::PP::false, undef, undef], 'not banned');

        $do->('ban-user', userId => $id, banExpiresIn => 86400);
        sql($npm, "UPDATE user SET banExpires = '" . moment($npm, -60) . "' WHERE id = '$id'");
        enter($httpd, $user);
        is_deeply([@{ who($npm, $user)->{user} }{qw(banned banReason banExpires)}], [JSON::PP::false, undef, undef], 'a ban whose time is over is lifted here');

        my $as = post($npm, '/admin/impersonate-user', { userId => $id }, cookie => $root->{cookie});
        my $theirs = { cookie => cookie_header($as) };
        is(who($httpd, $theirs)->{session}{impersonatedBy}, $root->{user}{id}, 'an administrator in the place of a user is known here');
        is_deeply(who($npm, $theirs), who($httpd, $theirs), 'both say the same');
        my @lists = map { [sort map { $_->{token} } @{ request($_, GET => '/api/auth/list-sessions', cookie => $user->{cookie})->{json} }] } $npm, $httpd;
        is_deeply($lists[1], $lists[0], 'and is in no list');
    };
}

done_testing;
