#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# npm better-auth and httpd on one database with one secret: whoever is known to one is known to the other, at once.
# Once on our tables and once on those of better-auth's own migration. BA_SITES=npm puts npm on both sides.
use strict;
use warnings;
use utf8;
use BATest;
use POSIX qw(strftime);

# Password "argon horse battery", m=19456 t=2 p=1, salt "saltsaltsaltsalt".
my $ARGON_PASSWORD = 'argon horse battery';
my $ARGON = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$3dT28YIF/OGNs/otUCCG9FZ1+JfxGSnUqVcts39iIKA';

sub sign_in {
    my ($site, $user, %more) = @_;
    return post($site, '/sign-in/email', { email => $user->{email}, password => $user->{password}, %more });
}

sub who { my ($site, $cookie) = @_; return request($site, GET => '/api/auth/get-session', cookie => $cookie)->{json} }

sub stored { my ($site, $user) = @_; return (sql($site, "SELECT password FROM account WHERE userId = '$user->{user}{id}'"))[0][0] }

sub by_id { return [sort { $a->{id} cmp $b->{id} } @{ $_[0] }] }

# What a signed-in user does at b is so at a, at once.
sub own_affairs {
    my ($a, $b) = @_;
    my $user = sign_up($a, password => PASSWORD);
    my $at = sub { my ($site, $path, $data, $cookie) = @_; return post($site, $path, $data, cookie => $cookie // $user->{cookie}) };
    my $get = sub { my ($site, $path) = @_; return request($site, GET => "/api/auth$path", cookie => $user->{cookie})->{json} };
    my $in = sub { my ($site, $password) = @_; return sign_in($site, { %$user, password => $password }) };

    is($at->($b, '/update-user', { name => 'Zoë the 2nd 𝒜', image => undef })->{status}, 200, 'a new name there');
    is(who($a, $user->{cookie})->{user}{name}, 'Zoë the 2nd 𝒜', 'is told here');
    is_deeply(who($a, $user->{cookie}), who($b, $user->{cookie}), 'to the millisecond');

    my @there = map { cookie_header($in->($b, PASSWORD)) } 1 .. 3;
    my @lists = map { by_id($get->($_, '/list-sessions')) } $a, $b;
    is(scalar @{ $lists[0] }, 4, 'four sessions');
    is_deeply($lists[0], $lists[1], 'both list the same');
    is_deeply($get->($a, '/list-accounts'), $get->($b, '/list-accounts'), 'both list the same account');

    ok(who($a, $there[0]), 'a session made there is known here');
    is($at->($a, '/revoke-session', { token => who($b, $there[0])->{session}{token} })->{status}, 200, 'revoked here');
    no_session($b, $there[0], 'it is over there at once');
    is($at->($b, '/revoke-session', { token => who($a, $there[1])->{session}{token} })->{status}, 200, 'revoked there');
    no_session($a, $there[1], 'it is over here at once');
    is($at->($b, '/revoke-other-sessions', {})->{status}, 200, 'the others revoked there');
    no_session($a, $there[2], 'they are over here');
    ok(who($a, $user->{cookie}), 'this one is not');

    my $next = "Pa\x{301}ssw\x{f6}rd \x{fb01} of another horse";
    is($at->($b, '/change-password', { currentPassword => PASSWORD, newPassword => $next })->{status}, 200, 'the password changed there');
    like(stored($a, $user), qr/^[0-9a-f]{32}:[0-9a-f]{128}$/, 'is better-auth\'s scrypt');
    is($in->($a, $next)->{status}, 200, 'signs in here');
    is($in->($a, "P\x{e1}sswo\x{308}rd fi of another horse")->{status}, 200, 'in another composition too');
    is($in->($a, PASSWORD)->{status}, 401, 'the old one does not');
    is($at->($a, '/verify-password', { password => $next })->{body}, '{"status":true}', 'verify-password knows it');
    my $other = cookie_header($in->($a, $next));
    my $changed = $at->($b, '/change-password', { currentPassword => $next, newPassword => PASSWORD, revokeOtherSessions => JSON::PP::true });
    is($changed->{status}, 200, 'changed again, with revokeOtherSessions');
    no_session($a, $_, 'every session of before is over here') for $user->{cookie}, $other;
    $user->{cookie} = cookie_header($changed);
    is(who($a, $user->{cookie})->{session}{token}, $changed->{json}{token}, 'the new one is known here');

    my ($first) = @{ $get->($a, '/list-accounts') };
    is($at->($b, '/unlink-account', { accountId => $first->{id} })->{json}{code}, 'FAILED_TO_UNLINK_LAST_ACCOUNT', 'the last account stays');
    sql($a, "INSERT INTO account (id, accountId, providerId, userId, scope, createdAt, updatedAt) VALUES ('linked', '4711', 'github', '$user->{user}{id}', 'a,b', '2030-01-02 03:04:05.678', '2030-01-02 03:04:05')");
    my @accounts = map { by_id($get->($_, '/list-accounts')) } $a, $b;
    is_deeply($accounts[0], $accounts[1], 'both list the same two');
    is($at->($b, '/unlink-account', { accountId => 'linked' })->{status}, 200, 'one unlinked there');
    is_deeply($get->($a, '/list-accounts'), [$first], 'is gone here');
    is($at->($a, '/revoke-sessions', {})->{status}, 200, 'all sessions revoked here');
    no_session($b, $user->{cookie}, 'are over there');
}

sub pair {
    my ($npm, $httpd) = @_;
    my ($a, $b);
    for (["$npm, then $httpd", $npm, $httpd], ["$httpd, then $npm", $httpd, $npm]) {
        (my $name, $a, $b) = @$_;
        subtest $name => sub {
            clean($a);
            my $user = sign_up($a, name => 'Zoë 𝒜', password => "Pa\x{301}sswörd \x{fb01} \x{1F600}", image => 'https://x.test/z.png');
            like(stored($a, $user), qr/^[0-9a-f]{32}:[0-9a-f]{128}$/, 'the hash is better-auth\'s scrypt');

            is_deeply(who($b, $user->{cookie}), who($a, $user->{cookie}), 'its cookie is good at the other, which says the same to the millisecond');
            is(who($b, $user->{cookie})->{user}{name}, 'Zoë 𝒜', 'the name is whole');

            my $in = sign_in($b, $user);
            is($in->{status}, 200, 'the user signs in at the other') or diag $in->{body};
            is_deeply($in->{json}{user}, $user->{user}, 'and is the same user');
            my $cookie = cookie_header($in);
            is(who($a, $cookie)->{session}{token}, $in->{json}{token}, 'that cookie is good here');
            is(sign_in($b, { %$user, password => 'wrong horse battery' })->{status}, 401, 'a wrong password is wrong there too');
            is(sign_in($b, { %$user, password => "P\x{e1}sswo\x{308}rd fi \x{1F600}" })->{status}, 200, 'a password in other composition is the same');

            is(post($b, '/sign-up/email', { name => 'x', email => uc $user->{email}, password => PASSWORD })->{json}{code},
                'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL', 'the address is taken there');

            is(request($b, POST => '/api/auth/sign-out', json => {}, cookie => $cookie, origin => ORIGIN)->{status}, 200, 'signed out there');
            no_session($a, $cookie, 'it ends here');
            ok(who($a, $user->{cookie}), 'the other session lives');

            my $short = sign_in($a, $user, rememberMe => JSON::PP::false);
            my $life = who($b, cookie_header($short))->{session}{expiresAt};
            cmp_ok($life, 'lt', strftime('%Y-%m-%dT%H:%M:%S', gmtime time + 86400 + 60), 'a day\'s session keeps its day at the other');

            sql($a, sprintf q{UPDATE session SET createdAt = '%s', updatedAt = '%1$s', expiresAt = '%s' WHERE token = '%s'},
                (map { strftime '%Y-%m-%d %H:%M:%S', gmtime time + $_ * 86400 } -2, 5), $user->{token});
            my $renewed = request($b, GET => '/api/auth/get-session', cookie => $user->{cookie});
            is(cookies($renewed)->{'better-auth.session_token'}{value}, (split /=/, $user->{cookie}, 2)[1], 'the other refreshes it with the same cookie');
            is(who($a, $user->{cookie})->{session}{expiresAt}, $renewed->{json}{session}{expiresAt}, 'which is seen here');

            own_affairs($a, $b);
        };
    }
}

my $self = $ENV{BA_SITES} ? 1 : 0;
pair('npm-node',     $self ? 'npm-node'     : 'node');
pair('npm-node-own', $self ? 'npm-node-own' : 'node-own');

subtest 'an argon2id hash becomes scrypt, which npm can read' => sub {
    plan skip_all => 'needs httpd' if $self;
    clean('node');
    my $user = sign_up('node');
    sql('node', "UPDATE account SET password = '$ARGON'");
    $user->{password} = $ARGON_PASSWORD;
    is(sign_in('node', $user)->{status}, 200, 'httpd reads argon2id');
    like(stored('node', $user), qr/^[0-9a-f]{32}:[0-9a-f]{128}$/, 'and stores scrypt');
    is(sign_in('npm-node', $user)->{status}, 200, 'npm reads that');
};

done_testing;
