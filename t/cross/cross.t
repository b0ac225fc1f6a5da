#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# npm better-auth and httpd on one database with one secret: whoever is known to one is known to the other, at once.
# Once on our tables and once on those of better-auth's own migration. BA_SITES=npm puts npm on both sides.
use strict;
use warnings;
use utf8;
use BATest;

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

# --- By mail: what one writes, the other reads

# Path and query of the last link mailed to an address, and its token.
sub last_link {
    my ($site, $to) = @_;
    my ($url) = map { $_->{url} } (grep { $_->{url} } mails($site, $to))[-1] or return fail("a mail to $to");
    $url =~ s{^https?://[^/]+}{};
    return ($url, $url =~ m{(?:[?&]token=|/reset-password/)([^&?]+)});
}

sub ask_for_reset {
    my ($site, $user) = @_;
    is(post($site, '/request-password-reset', { email => $user->{email}, redirectTo => '/new' })->{status}, 200, "a reset asked for at $site");
    return last_link($site, $user->{email});
}

sub reset_at { my ($site, $token, $password) = @_; return post($site, '/reset-password', { newPassword => $password, token => $token }) }

# A user whose address is proved: asked at the one, followed at the other.
sub verified {
    my ($a, $b) = @_;
    my $user = sign_up($a, password => PASSWORD);
    is(post($a, '/send-verification-email', { email => $user->{email}, callbackURL => '/welcome' }, cookie => $user->{cookie})->{status}, 200, "a verification asked for at $a");
    my ($link) = last_link($a, $user->{email});
    my $followed = request($b, GET => $link);
    is("$followed->{status} " . (header($followed, 'location') // ''), '302 /welcome', "its link is good at $b");
    ok(who($a, $user->{cookie})->{user}{emailVerified}, "and $a knows it at once");
    is_deeply(who($a, $user->{cookie}), who($b, $user->{cookie}), 'both say the same');
    return $user;
}

sub reset_across {
    my ($a, $b) = @_;
    my $user = verified($a, $b);
    my ($link, $token) = ask_for_reset($a, $user);
    is(header(request($b, GET => $link), 'location'), ORIGIN . "/new?token=$token", 'the link leads on at the other');
    is(reset_at($b, $token, 'short')->{json}{code}, 'PASSWORD_TOO_SHORT', 'a short password does not use it up');
    is(reset_at($b, $token, 'another horse battery')->{body}, '{"status":true}', 'a new password set at the other');
    is(reset_at($_, $token, PASSWORD)->{json}{code}, 'INVALID_TOKEN', "the token is used up at $_") for $a, $b;
    is(header(request($a, GET => $link), 'location'), ORIGIN . '/new?error=INVALID_TOKEN', 'as the link says');
    is(sign_in($a, { %$user, password => 'another horse battery' })->{status}, 200, 'it signs in here');
    is(sign_in($a, $user)->{status}, 401, 'the old one does not');
    ok(who($a, $user->{cookie}), 'the session goes on');

    ($link, $token) = ask_for_reset($a, $user);
    sql($a, sprintf q{UPDATE verification SET expiresAt = '%s' WHERE identifier = 'reset-password:%s'}, moment($a, -10), $token);
    is(reset_at($b, $token, PASSWORD)->{json}{code}, 'INVALID_TOKEN', 'a token that has expired is none at the other');
}

sub change_across {
    my ($a, $b) = @_;
    my $user = verified($b, $a);
    my $to = new_email();
    my $answer = post($a, '/change-email', { newEmail => $to, callbackURL => '/changed' }, cookie => $user->{cookie});
    is($answer->{body}, '{"status":true}', "a new address asked for at $a");
    my ($link) = last_link($a, $user->{email});
    is(scalar mails($a, $to), 0, 'the old one is asked first');
    my $bound = sub { my ($token) = @_; return MIME::Base64::decode_base64url((split /\./, $token)[1]) =~ /"ba_account":"[\w-]{43}"/ ? 1 : 0 };
    is($bound->((last_link($a, $user->{email}))[1]), is_httpd($a) ? 1 : 0, 'httpd says for which account');
    is(header(request($b, GET => $link, cookie => $user->{cookie}), 'location'), '/changed', "it agrees at $b");
    ($link, my $token) = last_link($a, $to);
    is($bound->($token), is_httpd($b) ? 1 : 0, 'and so in the second link');
    is(who($a, $user->{cookie})->{user}{email}, $user->{email}, 'not yet');
    my $finished = request($a, GET => $link);
    is(header($finished, 'location'), '/changed', "the new one is proved at $a");
    is(who($_, $user->{cookie})->{user}{email}, $to, "$_ says the new address") for $a, $b;
    ok(who($b, cookie_header($finished)), 'the session that began with the link is good at the other');
    is(sign_in($b, { %$user, email => $to })->{status}, 200, 'it signs in at the other');
    is(sign_in($a, $user)->{status}, 401, 'the old one does not');
    is(request($b, GET => $link)->{status}, 302, 'a second time');
    like(header(request($b, GET => $link), 'location'), qr{^/changed\?error=USER_NOT_FOUND$}, 'the link finds nobody');

    return if !is_httpd($a);
    $user->{cookie} = cookie_header(sign_in($a, { %$user, email => $to }));
    is(post($a, '/change-email', { newEmail => new_email(), callbackURL => '/changed' }, cookie => $user->{cookie})->{status}, 200, 'once more');
    ($link) = last_link($a, $to);
    is(post($b, '/change-password', { currentPassword => PASSWORD, newPassword => 'another horse battery' }, cookie => $user->{cookie})->{status}, 200, 'a new password there');
    is(header(request($a, GET => $link), 'location'), '/changed?error=INVALID_TOKEN', 'ends the link here');
}

sub delete_across {
    my ($a, $b) = @_;
    for my $posted (0, 1) {
        my $user = sign_up($a, password => PASSWORD);
        my $other = cookie_header(sign_in($b, $user));
        is(post($a, '/delete-user', { callbackURL => '/bye' }, cookie => $user->{cookie})->{json}{message}, 'Verification email sent', "deletion asked for at $a");
        my ($link, $token) = last_link($a, $user->{email});
        my $done = $posted ? post($b, '/delete-user', { token => $token }, cookie => $other) : request($b, GET => $link, cookie => $other);
        is($posted ? $done->{json}{message} : header($done, 'location'), $posted ? 'User deleted' : '/bye', 'done at the other' . ($posted ? ', the token posted' : ''));
        no_session($a, $_, 'every session is over here') for $user->{cookie}, $other;
        is(sign_in($a, $user)->{status}, 401, 'nobody signs in');
        is((sql($a, "SELECT COUNT(*) FROM user WHERE email = '$user->{email}'"))[0][0], 0, 'the user is gone');
        is((sql($a, "SELECT COUNT(*) FROM $_ WHERE userId = '$user->{user}{id}'"))[0][0], 0, "with every $_") for qw(session account);
    }
}

# One side stores identifiers as they are, the other hashes them; sessions end with a reset, links sign in.
sub hashed_across {
    my ($a, $b, $plain) = @_;
    my $user = sign_up($a, password => PASSWORD);
    my ($link) = last_link($a, $user->{email});
    my $followed = request($b, GET => $link);
    ok(who($a, cookie_header($followed)), "the link of sign-up at $a signs in at $b");
    ok(who($a, $user->{cookie})->{user}{emailVerified}, 'and verifies');

    ($link, my $token) = ask_for_reset($a, $user);
    is((sql($a, "SELECT COUNT(*) FROM verification WHERE identifier LIKE '%$token%'"))[0][0], 0, 'the token is in no row');
    is(header(request($b, GET => $link), 'location'), ORIGIN . "/new?token=$token", 'the link leads on at the other');
    is(reset_at($plain, $token, 'another horse battery')->{json}{code}, 'INVALID_TOKEN', "$plain does not hash");
    is(reset_at($b, $token, 'another horse battery')->{status}, 200, 'the other does');
    no_session($a, $_, 'sessions are over here') for $user->{cookie}, cookie_header($followed);
    $user->{password} = 'another horse battery';

    (undef, $token) = ask_for_reset($plain, $user);
    is(reset_at($b, $token, PASSWORD)->{status}, 200, "a token of $plain is read as it is");
    $user->{password} = PASSWORD;

    my $second = sign_up($a, password => PASSWORD);
    my $to = new_email();
    is(post($a, '/change-email', { newEmail => $to }, cookie => $second->{cookie})->{status}, 200, 'an unverified address changed at once');
    is(who($b, $second->{cookie})->{user}{email}, $to, 'the other says the new one');
    ($link) = last_link($a, $to);
    is(request($b, GET => $link, cookie => $second->{cookie})->{status}, 302, 'its link is good there');
    is(post($b, '/delete-user', { password => PASSWORD }, cookie => $second->{cookie})->{json}{message}, 'User deleted', 'deleted there');
    no_session($a, $second->{cookie}, 'is gone here');
}

sub by_mail {
    my ($a, $b) = @_;
    clean($a);
    subtest 'reset'  => sub { reset_across($a, $b) };
    subtest 'change' => sub { change_across($a, $b) };
    subtest 'delete' => sub { delete_across($a, $b) };
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
            cmp_ok($life, 'lt', moment($a, 86400 + 60) =~ s{ }{T}r, 'a day\'s session keeps its day at the other');

            sql($a, sprintf q{UPDATE session SET createdAt = '%s', updatedAt = '%1$s', expiresAt = '%s' WHERE token = '%s'},
                (map { moment($a, $_ * 86400) } -2, 5), $user->{token});
            my $renewed = request($b, GET => '/api/auth/get-session', cookie => $user->{cookie});
            is(cookies($renewed)->{'better-auth.session_token'}{value}, (split /=/, $user->{cookie}, 2)[1], 'the other refreshes it with the same cookie');
            is(who($a, $user->{cookie})->{session}{expiresAt}, $renewed->{json}{session}{expiresAt}, 'which is seen here');

            own_affairs($a, $b);
            by_mail($a, $b);
        };
    }
}

my $self = $ENV{BA_SITES} ? 1 : 0;
pair('npm-node',     $self ? 'npm-node'     : 'node');
pair('npm-node-own', $self ? 'npm-node-own' : 'node-own');

my $prompt = $self ? 'npm-node-prompt' : 'node-prompt';
for (['npm-node-prompt', $prompt], [$prompt, 'npm-node-prompt']) {
    my ($a, $b) = @$_;
    subtest "$a, then $b, with hashed identifiers" => sub { clean($a); hashed_across($a, $b, 'npm-node') };
    subtest "$a, then $b, beside plain ones of httpd" => sub { clean($a); hashed_across($a, $b, 'node') } if !$self;
}

# Each made by one and read by the other; as JSON has them.
subtest 'odd passwords' => sub {
    my $b = $self ? 'npm-node' : 'node';
    clean('npm-node');
    my %odd = ('a NUL' => 'abc\\u0000defgh', 'blanks around it' => ' abcdefgh ', 'half a pair' => 'abcdefgh\\ud83d', 'ligatures and full width' => '\\ufb03\\uff21\\u2460 abcd', 'Hangul' => '\\u1112\\u1161\\u11ab abcdefgh',
        'control characters' => '\\u0001\\t\\n\\u007f\\u0085abc', '128 units' => '\\ud83d\\ude00' x 64, 'marks in another order' => 'a\\u0323\\u0307 abcdefgh');
    my %like = ('a NUL' => 'abc\\u0000defgi', 'blanks around it' => 'abcdefgh', 'half a pair' => 'abcdefgh', 'control characters' => '\\u0001\\t\\r\\u007f\\u0085abc');
    my %same = ('half a pair' => 'abcdefgh\\ufffd', 'ligatures and full width' => 'ffiA1 abcd', 'Hangul' => '\\ud55c abcdefgh', 'marks in another order' => 'a\\u0307\\u0323 abcdefgh');
    my $ask = sub { my ($site, $path, $email, $password) = @_; return request($site, POST => "/api/auth$path", body => qq({"name":"x","email":"$email","password":"$password"}), headers => ['Content-Type' => 'application/json'], origin => ORIGIN)->{status} };
    for my $name (sort keys %odd) {
        for my $way (['npm-node', $b], [$b, 'npm-node']) {
            my ($writes, $reads) = @$way;
            my $email = new_email();
            is($ask->($writes, '/sign-up/email', $email, $odd{$name}), 200, "$name: made by $writes");
            is($ask->($reads, '/sign-in/email', $email, $odd{$name}), 200, "$name: read by $reads");
            is($ask->($reads, '/sign-in/email', $email, $same{$name}), 200, "$name: in another spelling") if $same{$name};
            is($ask->($reads, '/sign-in/email', $email, $like{$name}), 401, "$name: another is another") if $like{$name};
        }
    }
};

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
