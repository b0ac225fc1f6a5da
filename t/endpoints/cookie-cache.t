#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# BetterAuthCookieCache: who it is without the database, for a while; and what asks the database all the same.
use strict;
use warnings;
use BATest;
use Digest::SHA qw(hmac_sha256);
use MIME::Base64 qw(encode_base64url decode_base64url);
use Time::HiRes qw(sleep);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $TOKEN = 'better-auth.session_token';
my $DATA  = 'better-auth.session_data';
my $AGE   = 'Max-Age=300; Path=/; HttpOnly; SameSite=Lax';
my $GONE  = 'Max-Age=0; Path=/; HttpOnly; SameSite=Lax';

sub get { my ($site, $cookie, $query) = @_; return request($site, GET => '/api/auth/get-session' . ($query // ''), cookie => $cookie) }
sub name_of { my ($answer) = @_; return $answer->{json} && $answer->{json}{user}{name} }
sub without_row { my ($site, $user) = @_; sql($site, "DELETE FROM session WHERE token = '$user->{token}'") }
sub token_only { my ($user) = @_; return $user->{cookie} =~ s/;.*//r }

# Cookies of a request, after an answer has changed them.
sub browse {
    my ($cookie, $answer) = @_;
    my %jar = map { split /=/, $_, 2 } split /; /, $cookie;
    my $set = cookies($answer);
    for my $name (@{ $set->{''} }) {
        if ($set->{$name}{attributes} =~ /^Max-Age=0;/) { delete $jar{$name} }
        else { $jar{$name} = $set->{$name}{value} }
    }
    return join '; ', map { "$_=$jar{$_}" } sort { $b cmp $a } keys %jar;
}

# A compact session_data of a cookie header, with something else in it, signed anew.
sub forged {
    my ($cookie, $change) = @_;
    my ($value) = $cookie =~ /\Q$DATA\E=([^;]+)/;
    my ($d, $e) = decode_base64url($value) =~ /^\{"session":(.*\}),"expiresAt":(\d+),"signature"/s or die 'not compact';
    $change->($d, $e);
    my $mac = encode_base64url(hmac_sha256(substr($d, 0, -1) . ",\"expiresAt\":$e}", SECRET));
    my $new = encode_base64url(qq({"session":$d,"expiresAt":$e,"signature":"$mac"}));
    return $cookie =~ s/\Q$value\E/$new/r;
}

# The connections of the statements that the tests' user runs while code does, one for each statement. On a database
# server of its own, since other tests speak to theirs meanwhile.
my $db;
sub speakers {
    my ($code) = @_;
    $db->sql(q{SET GLOBAL log_output = 'TABLE'; TRUNCATE mysql.general_log; SET GLOBAL general_log = ON});
    $code->();
    my @rows = $db->sql(q{SET GLOBAL general_log = OFF; SELECT thread_id FROM mysql.general_log WHERE user_host LIKE 'ba[%' AND command_type IN ('Query', 'Prepare', 'Execute')});
    return map { $_->[0] } @rows;
}

# Statements that code causes: not those of the tasks that look for mails every two seconds, each on a connection of its own.
my $tasks;
sub statements {
    my ($code) = @_;
    $tasks ||= { map { $_ => 1 } speakers(sub { sleep 3 }) };
    return scalar grep { !$tasks->{$_} } speakers($code);
}

my @SENSITIVE = (
    [GET => '/list-sessions'], [POST => '/revoke-session', { token => 'x' }], [POST => '/revoke-sessions', {}], [POST => '/revoke-other-sessions', {}],
    [POST => '/update-user', { name => 'Mallory' }], [POST => '/update-session', { a => 1 }], [POST => '/unlink-account', { accountId => 'x' }],
    [POST => '/change-password', { currentPassword => PASSWORD, newPassword => 'another horse battery' }], [POST => '/verify-password', { password => PASSWORD }],
);
sub call { my ($site, $row, $cookie) = @_; return request($site, $row->[0] => "/api/auth$row->[1]", cookie => $cookie, origin => ORIGIN, $row->[2] ? (json => $row->[2]) : ()) }

# What was written in the second of a change is not believed; this is the cookie after the request that renews it.
sub later { my ($site, $cookie) = @_; sleep 1.05; return browse($cookie, get($site, $cookie)) }

sub life_of {
    my ($site, $max_age) = @_;
    my $attributes = $AGE =~ s/300/$max_age/r;
    clean($site);
    my $user = sign_up($site, name => 'Ada', email => new_email());
    my $set = cookies($user->{answer});
    is_deeply($set->{''}, [$TOKEN, $DATA], 'sign-up sets both cookies');
    is($set->{$DATA}{attributes}, $attributes, 'attributes');

    my $first = get($site, $user->{cookie});
    is(name_of($first), 'Ada', 'known');
    is_deeply(cookies($first)->{''}, [], 'nothing is set while the cache is good');
    my $stored = get($site, token_only($user));
    is_deeply($first->{json}, $stored->{json}, 'cache and database say the same');
    is_deeply(cookies($stored)->{''}, [$DATA], 'without it, it is set anew');
    is(cookies($stored)->{$DATA}{attributes}, $attributes, 'with the same attributes');
    my $page = request($site, GET => '/members/page.html', cookie => token_only($user));
    is_deeply([$page->{status}, cookies($page)->{''}], [200, [$DATA]], 'the guard sets it too');
    like(header($page, 'cache-control'), qr/private/, 'which no shared cache keeps');

    sql($site, "UPDATE user SET name = 'Changed elsewhere'");
    is(name_of(get($site, $user->{cookie})), 'Ada', 'a change elsewhere is not seen');
    my $fresh = get($site, $user->{cookie}, '?disableCookieCache=1');
    is(name_of($fresh), 'Changed elsewhere', 'unless the client says so');
    is(name_of(get($site, browse($user->{cookie}, $fresh))), 'Changed elsewhere', 'which renews the cache');
    is(name_of(get($site, $user->{cookie}, '?disableCookieCache=')), 'Ada', 'an empty switch is none');

    my $update = post($site, '/update-user', { name => 'Zoe', image => 'https://x.test/z.png' }, cookie => $user->{cookie});
    is_deeply(cookies($update)->{''}, [$TOKEN, $DATA], 'update-user sends both cookies');
    my $cookie = later($site, browse($user->{cookie}, $update));
    is(request($site, GET => '/require-nothing/env', cookie => $cookie)->{json}{REMOTE_USER}, $user->{email}, 'where anybody may come, it is told who does');
    without_row($site, $user);
    is(name_of(get($site, $cookie)), 'Zoe', 'the new name is in the cache');
    is(get($site, $cookie)->{json}{user}{image}, 'https://x.test/z.png', 'and the image');

    # the row is gone by now
    my $env = request($site, GET => '/guarded/env', cookie => $cookie);
    is($env->{json}{REMOTE_USER}, $user->{email}, 'the guard believes the cache') or diag $env->{body};
    my $anybody = request($site, GET => '/require-nothing/env', cookie => $cookie);
    is_deeply([$anybody->{status}, grep { /^(?:REMOTE_USER|AUTH_TYPE|BETTERAUTH_\w+)$/ } sort keys %{ $anybody->{json} // {} }], [200], 'where a line has asked the database, it is nobody, also where anybody may come');
    is(request($site, GET => '/auth/sign-in', cookie => $cookie)->{status}, 303, 'so do the pages');
    is(call($site, [GET => '/list-accounts'], $cookie)->{status}, 200, 'and list-accounts');
    for my $row (@SENSITIVE) {
        my $answer = call($site, $row, $cookie);
        is("$answer->{status} $answer->{json}{code}", '401 UNAUTHORIZED', "$row->[1] does not");
        is_deeply([map { "$_ " . (cookies($answer)->{$_}{attributes} eq $GONE) } @{ cookies($answer)->{''} }],
            ["$TOKEN 1", "$DATA 1", 'better-auth.dont_remember 1'], "$row->[1] clears the cookies");
    }
    is(user_count($site, "name = 'Mallory'"), 0, 'nothing was written');
    no_session($site, token_only({ cookie => $cookie }), 'without the cache it is nobody');
    my $off = get($site, $cookie, '?disableCookieCache=true');
    is("$off->{body} @{ cookies($off)->{''} }", "null $TOKEN $DATA better-auth.dont_remember", 'nor with it switched off');
}

subtest "$_->[0]: a life" => sub { life_of(@$_) } for ['cache-mysql', 300], ['cache-sqlite', 300], ['cache-jwt', 120], ['cache-jwe', 300];

subtest 'no statement at all' => sub {
    my $site = 'cache-alone';
    $db = private_mariadb($site);
    $db->create('alone', schema('mysql'));
    my $httpd = private_httpd(name => $site, mariadb => $db, database => 'alone', extra => "    BetterAuthCookieCache compact\n");
    my $user = sign_up($site);
    my @answers;
    is(statements(sub { @answers = map { get($site, $user->{cookie}), request($site, GET => '/members/page.html', cookie => $user->{cookie}) } 1 .. 10 }), 0,
        'twenty answers from the cache');
    is(scalar(grep { $_->{status} == 200 } @answers), 20, 'all good');
    cmp_ok(statements(sub { get($site, token_only($user)) }), '>', 0, 'without the cache there are some');
    cmp_ok(statements(sub { call($site, $SENSITIVE[-1], $user->{cookie}) }), '>', 0, 'and for what is sensitive');
    my $short = cookie_header(post($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD, rememberMe => JSON::PP::false }));
    is(statements(sub { is(get($site, $short)->{json}{user}{email}, $user->{email}, 'who is not remembered is known') }), 0, 'without the database too');
    $httpd->stop;
    $db->stop;
};

for my $site (qw(cache-mysql cache-sqlite)) {
    subtest "$site: what is not believed" => sub {
        clean($site);
        my ($ada, $bob) = map { sign_up($site, name => $_, email => new_email()) } qw(Ada Bob);
        my $now = time * 1000;
        my $past = sub { my $old = shift; return sub { $_[1] = $now - $old } };
        my ($data) = $bob->{cookie} =~ /(\Q$DATA\E=.*)/;
        my %bad = (
            'expired'            => forged($ada->{cookie}, $past->(1000)),
            'the session over'   => forged($ada->{cookie}, sub { $_[0] =~ s/"expiresAt":"20\d\d/"expiresAt":"2001/ or die }),
            'another version'    => forged($ada->{cookie}, sub { $_[0] =~ s/"version":"\w+"/"version":"2"/ or die }),
            'of somebody else'   => token_only($ada) . "; $data",
            'a name changed'     => do { (my $c = $ada->{cookie}) =~ s/(\Q$DATA\E=.{500})(.)/$1 . ($2 eq 'A' ? 'B' : 'A')/e; $c },
            'cut'                => substr($ada->{cookie}, 0, -10),
            'empty'              => token_only($ada) . "; $DATA=",
            'garbage'            => token_only($ada) . "; $DATA=%00!",
            'of another form'    => token_only($ada) . "; $DATA=eyJhbGciOiJub25lIn0.e30.",
        );
        like(get($site, forged($ada->{cookie}, sub { $_[0] =~ s/"Ada"/"Eve"/ or die }))->{body}, qr/"Eve"/, 'what is signed is believed, so this test forges well');
        for my $name (sort keys %bad) {
            my $answer = get($site, $bad{$name});
            is(name_of($answer), 'Ada', "$name: the database is asked");
            is_deeply(cookies($answer)->{''}, [$DATA], "$name: and the cache written anew");
            my $later = get($site, browse($bad{$name}, $answer));
            is_deeply([name_of($later), cookies($later)->{''}], ['Ada', []], "$name: which is good");
        }
        my $forged = "$TOKEN=" . signed($ada->{token}, 'x' x 32) . '; ' . ($ada->{cookie} =~ s/^[^;]*; //r);
        my $nobody = get($site, $forged);
        is("$nobody->{body} @{ cookies($nobody)->{''} }", 'null ', 'nothing without a good session cookie');
        is(request($site, GET => '/members/page.html', cookie => $forged)->{status}, 401, 'nor does the guard open');
    };

    subtest "$site: not remembered" => sub {
        clean($site);
        my $user = sign_up($site);
        my $in = post($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD, rememberMe => JSON::PP::false });
        my $set = cookies($in);
        is_deeply($set->{''}, [$TOKEN, 'better-auth.dont_remember', $DATA], 'three cookies');
        is($set->{$DATA}{attributes}, 'Path=/; HttpOnly; SameSite=Lax', 'until the browser is closed');
        my $cookie = cookie_header($in);
        my ($e) = decode_base64url($set->{$DATA}{value}) =~ /"expiresAt":(\d+),"signature"/;
        cmp_ok(abs($e / 1000 - time - 60), '<', 20, 'good for a minute');
        is(get($site, $cookie)->{status}, 200, 'known');
        my $answer = get($site, forged($cookie, sub { $_[1] = 1 }));
        is_deeply([$answer->{status}, cookies($answer)->{$DATA}{attributes}], [200, $GONE], 'then it is not written anew');
    };

    subtest "$site: pieces" => sub {
        clean($site);
        my $user = sign_up($site, name => 'Ada');
        my $image = 'https://x.test/' . 'i' x 3000;
        my $answer = post($site, '/update-user', { image => $image }, cookie => $user->{cookie});
        is_deeply(cookies($answer)->{''}, [$TOKEN, $DATA, "$DATA.0", "$DATA.1"], 'a long image: the whole cookie goes, two pieces come');
        is(cookies($answer)->{$DATA}{attributes}, $GONE, 'the whole one is deleted');
        is(length(cookies($answer)->{"$DATA.0"}{value}), 3977, 'as long as Better Auth makes them');
        my $cookie = later($site, browse($user->{cookie}, $answer));
        without_row($site, $user);
        is(get($site, $cookie)->{json}{user}{image}, $image, 'read from the pieces alone');
        is(get($site, join '; ', reverse split /; /, $cookie)->{json}{user}{image}, $image, 'in any order');
        my $over = get($site, $cookie =~ s/; \Q$DATA\E\.1=[^;]*//r);
        is_deeply([$over->{body}, sort @{ cookies($over)->{''} }], ['null', 'better-auth.dont_remember', $DATA, "$DATA.0", $TOKEN], 'one is missing: the database is asked, and all are cleared');
        my $out = request($site, POST => '/api/auth/sign-out', json => {}, cookie => $cookie, origin => ORIGIN);
        is_deeply([grep { cookies($out)->{$_}{attributes} ne $GONE } @{ cookies($out)->{''} }], [], 'sign-out only deletes');
        is(browse($cookie, $out), '', 'and leaves nothing');

        $user = sign_up($site);
        $answer = post($site, '/update-user', { image => $image }, cookie => $user->{cookie});
        $cookie = browse($user->{cookie}, $answer);
        $answer = post($site, '/update-user', { image => undef }, cookie => $cookie);
        is_deeply([sort grep { cookies($answer)->{$_}{attributes} eq $GONE } @{ cookies($answer)->{''} }], ["$DATA.0", "$DATA.1"], 'a short one again: no piece stays');
        $answer = post($site, '/update-user', { image => 'i' x 20000 }, cookie => $cookie);
        $cookie = browse($cookie, $answer);
        unlike($cookie, qr/session_data/, 'a huge one is not cached');
        is(length get($site, $cookie)->{json}{user}{image}, 20000, 'but known, by the database');
        is_deeply(cookies(get($site, $cookie))->{''}, [], 'time and again');
        my @swarm = map { "$DATA.$_=x" } 0 .. 99, 100 .. 150, '00', 99999999, -1;
        $answer = get($site, join '; ', $cookie, @swarm);
        is($answer->{status}, 200, 'a swarm of pieces');
        is(scalar @{ cookies($answer)->{''} }, 100, 'is swept, those that could be ours');
    };

    subtest "$site: the end of a session" => sub {
        clean($site);
        my $user = sign_up($site);
        my @other = map { cookie_header(post($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD })) } 1 .. 3;
        my $out = request($site, POST => '/api/auth/sign-out', json => {}, cookie => $user->{cookie}, origin => ORIGIN);
        is_deeply(cookies($out)->{''}, [$TOKEN, $DATA, 'better-auth.dont_remember'], 'sign-out clears');
        is(browse($user->{cookie}, $out), '', 'all of it');
        is(get($site, $user->{cookie})->{json}{user}{id}, $user->{user}{id}, 'who kept a copy is known for a while, as with Better Auth');
        is(call($site, $SENSITIVE[-1], $user->{cookie})->{status}, 401, 'but does nothing');

        my ($token) = $other[0] =~ /=([^.]+)/;
        my $own = post($site, '/revoke-session', { token => $token }, cookie => $other[0]);
        is_deeply([$own->{status}, cookies($own)->{$DATA}{attributes}], [200, $GONE], 'revoking the session in use takes its cache along');
        no_session($site, browse($other[0], $own), 'so that it is over at once');
        my ($next) = $other[2] =~ /=([^.]+)/;
        my $foreign = post($site, '/revoke-session', { token => $next }, cookie => $other[1]);
        is_deeply(cookies($foreign)->{''}, [$DATA], 'revoking another does not');
        isnt(cookies($foreign)->{$DATA}{attributes}, $GONE, 'it is written, by the look into the database');
        my $all = post($site, '/revoke-sessions', {}, cookie => $other[1]);
        is_deeply([$all->{status}, cookies($all)->{$DATA}{attributes}], [200, $GONE], 'revoking all does');

        $user = sign_up($site);
        my $changed = post($site, '/change-password', { currentPassword => PASSWORD, newPassword => 'another horse battery', revokeOtherSessions => JSON::PP::true }, cookie => $user->{cookie});
        is_deeply(cookies($changed)->{''}, [$TOKEN, $DATA], 'a new session comes with its cache');
        my $cookie = later($site, browse($user->{cookie}, $changed));
        is(get($site, $cookie)->{json}{session}{token}, $changed->{json}{token}, 'of that session');
        is_deeply(cookies(get($site, $cookie))->{''}, [], 'which is good');
    };

    subtest "$site: refresh" => sub {
        clean($site);
        my $user = sign_up($site);
        sql($site, "UPDATE session SET expiresAt = '" . moment($site, 5 * 86400) . "'");
        is_deeply(cookies(get($site, $user->{cookie}))->{''}, [], 'none while the cache is good, as with Better Auth');
        my $answer = get($site, forged($user->{cookie}, sub { $_[1] = 1 }));
        is_deeply(cookies($answer)->{''}, [$TOKEN, $DATA], 'then at once, with both cookies');
        is(get($site, browse($user->{cookie}, $answer))->{json}{session}{expiresAt}, $answer->{json}{session}{expiresAt}, 'the cache has the new end');
        my $page = request($site, GET => '/members/page.html', cookie => forged($user->{cookie}, sub { $_[1] = 1 }));
        is_deeply(cookies($page)->{''}, [$DATA], 'the guard writes it when it is over');
    };
}

subtest 'off' => sub {
    my $user = sign_up('sqlite');
    my $cached = sign_up('cache-sqlite');
    is_deeply(cookies($user->{answer})->{''}, [$TOKEN], 'none is written');
    my ($data) = $cached->{cookie} =~ /(\Q$DATA\E=.*)/;
    my $answer = get('sqlite', "$user->{cookie}; $data");
    is_deeply([name_of($answer), cookies($answer)->{''}], ['Test', [$DATA]], 'none is read, and it is deleted');
    is(get('sqlite', $cached->{cookie})->{body}, 'null', 'nobody is known by it');
};

done_testing;
