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
