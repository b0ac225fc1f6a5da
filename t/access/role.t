#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# BetterAuthAdmin: Require betterauth role in all mixes, what applications are told of it, and bans.
use strict;
use warnings;
use utf8;
use BATest;
use BATest::Sites;
use File::Path qw(make_path);

expect_private_log(qw(BA0127));    # columns that are not there

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my @NAVIGATION = ('Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', Accept => 'text/html');
my @FETCH = ('Sec-Fetch-Mode' => 'cors', 'Sec-Fetch-Dest' => 'empty', Accept => '*/*');
my $BANNED = 'You have been banned from this application. Please contact support if you believe this is an error.';

sub told { my ($answer) = @_; return "$answer->{status} " . (header($answer, 'location') // $answer->{json}{code} // '-') }
sub who { my ($site, $cookie) = @_; return request($site, GET => '/api/auth/get-session', cookie => $cookie)->{json} }
sub sign_in { my ($site, $user, $password) = @_; return post($site, '/sign-in/email', { email => $user->{email}, password => $password // PASSWORD }) }
sub set { my ($site, $user, $what) = @_; sql($site, "UPDATE user SET $what WHERE id = '$user->{user}{id}'") }
sub env { my ($site, $user, $path, @headers) = @_; return request($site, GET => "$path/env", headers => [@FETCH, @headers], $user ? (cookie => $user->{cookie}) : ()) }
sub write_file { my ($file, $text) = @_; open my $out, '>', $file or die "$file: $!"; print {$out} $text; close $out or die "$file: $!" }
sub days { my ($site, $days) = @_; return moment($site, $days * 86400) }

# What is kept on the server is of this site and its columns; a ban by SQL is seen where the database is asked.
my $CACHE = 'BetterAuthSessionCache shmcb:betterauth(4194304) 10';
my $same = join '', map { "    BetterAuthField $_\n" } 'user a string', 'user b boolean', 'user c string', 'user d date', 'session e string';
private_httpd(name => 'role-cache', cache => $CACHE, extra => BATest::Sites::admin(),
    main => BATest::Sites::vhost('role-cache-same', file => BATest::Sites::file('role-cache'), cache => $CACHE, extra => $same));
subtest 'a cache of the server' => sub {
    my $site = 'role-cache';
    sql($site, join ' ', map { "ALTER TABLE $_;" } 'user ADD a text', 'user ADD b integer', 'user ADD c text', 'user ADD d date', 'session ADD e text');
    my $eve = sign_up('role-cache-same', a => 'admin');
    is(who('role-cache-same', $eve->{cookie})->{user}{a}, 'admin', 'what somebody calls themselves there') for 1 .. 8;
    is_deeply([grep { defined } map { who($site, $eve->{cookie})->{user}{role} } 1 .. 4], [], 'is no role here');

    my $zoe = sign_up($site);
    set($site, $zoe, "role = 'editor'");
    is(env($site, $zoe, '/require-role')->{status}, 200, 'Require betterauth role asks the database');
    my $warm = sub { return join ' ', map { env($site, $zoe, '/guarded')->{status} } 1 .. 8 };
    is($warm->(), join(' ', (200) x 8), 'a guarded page');
    set($site, $zoe, 'banned = 1');
    is(env($site, $zoe, '/require-role')->{status}, 401, 'banned: nobody where the database is asked');
    is($warm->(), join(' ', (401) x 8), 'and from then on everywhere');
};

my $log = BATest::state()->{workdir} . '/role-log-' . flavour() . '.log';
# A section of the server and an .htaccess want a role; only one of its two virtual hosts has them.
my $folder = BATest::state()->{workdir} . '/role-folder-' . flavour();
make_path("$folder/in");
write_file("$folder/in/page.html", 'inside');
write_file("$folder/in/.htaccess", "AuthType Session\nAuthName In\nRequire betterauth role admin\n");
my $sections = <<"END";
Alias "/folder" "$folder"
<Directory "$folder">
    AllowOverride AuthConfig
    Require all granted
</Directory>
<Location "/folder/section">
    AuthType Session
    AuthName Section
    <RequireAny>
        Require ip 10.9.8.7
        Require betterauth role admin
    </RequireAny>
</Location>
END
my $logging = private_httpd(name => 'role-log', main => $sections . BATest::Sites::vhost('role-none', file => BATest::Sites::file('role-log')),
    extra => qq{    CustomLog "$log" "%{role}^BA %{BETTERAUTH_ROLE}^BA %U"\n    BetterAuthAdmin on\n});
subtest 'where the server has no roles' => sub {
    my $zoe = sign_up('role-log');
    set('role-log', $zoe, "role = 'admin'");
    for my $path (qw(/folder/in/page.html /folder/section)) {
        my $get = sub { my ($site, @cookie) = @_; return request($site, GET => $path, headers => \@FETCH, @cookie)->{status} };
        is($get->('role-log', cookie => $zoe->{cookie}), $path =~ /page/ ? 200 : 404, "$path: where it has");
        is($get->('role-none', cookie => $zoe->{cookie}), 500, "$path: refused, whoever it is");
        ok((grep { /BA0173: Require betterauth role needs BetterAuthAdmin on/ } log_lines($logging->error_log)), 'and the log says why');
    }
    ok(!exists request('role-none', GET => '/guarded/env', cookie => $zoe->{cookie})->{json}{BETTERAUTH_ROLE}, 'nothing is told');
};
subtest 'in the access log' => sub {
    my $site = 'role-log';
    my $zoe = sign_up($site);
    set($site, $zoe, "role = 'admin,editor'");
    env($site, $zoe, '/guarded');
    set($site, $zoe, 'role = NULL');
    env($site, $zoe, '/guarded');
    $logging->stop;
    is_deeply([grep { /guarded/ } split /\n/, BATest::_slurp($log)], ['admin,editor admin,editor /guarded/env', '- - /guarded/env'], 'who it was, where somebody had asked');
};

# Who has which role; path => who comes in.
my %roles = (plain => undef, empty => '', user => 'user', editor => 'editor', two => 'guest,editor', last => 'x,admin', upper => 'Editor', blank => 'x, editor', part => 'editors,sub-editor', words => 'chief editor',
    no => 'chief', apostrophe => "ed'itor", long => join(',', ('x' x 40) x 49) . ',' . ('y' x 31) . ',editor', cut => join(',', ('x' x 40) x 49) . ',' . ('y' x 32) . ',editorial');
my %open = (
    role       => 'editor two last words long',
    'role-all' => 'two',
    'role-any' => 'plain last',
    map({ $_ => join ' ', grep { !/^(?:editor|two|last|long)$/ } keys %roles } 'role-none'),
    map({ $_ => join ' ', grep { !/^(?:editor|two|long)$/ } keys %roles } qw(role-not role-pass)),
);

each_site {
    my ($site) = @_;
    expect_log('AH01630');    # mod_authz_core says whom it refused
    my $user = sign_up($site, email => 'plain@example.com');

    my $be = sub {
        my ($who) = @_;
        my $role = defined $roles{$who} ? "'" . $roles{$who} =~ s/'/''/gr . "'" : 'NULL';
        set($site, $user, "role = $role, email = '$who\@example.com', emailVerified = " . ($who eq 'two' ? 1 : 0));
    };

    subtest 'new users' => sub {
        is_deeply([@{ $user->{user} }{qw(role banned banReason banExpires)}], ['user', JSON::PP::false, undef, undef], 'have the role user');
        is_deeply(who($site, $user->{cookie})->{user}, $user->{user}, 'as get-session says');
        ok(exists who($site, $user->{cookie})->{session}{impersonatedBy}, 'the session has its column');
        for my $try ([role => 'admin'], [banned => JSON::PP::true], [banReason => 'x'], [banExpires => '2001-02-03T04:05:06.789Z']) {
            my $up = post($site, '/sign-up/email', { name => 'x', email => "$try->[0]-try\@example.com", password => PASSWORD, @$try });
            is($up->{json}{user} ? $up->{json}{user}{banned} : $up->{json}{code}, $try->[0] eq 'banned' ? JSON::PP::false : 'FIELD_NOT_ALLOWED', "sign-up cannot set $try->[0]");
            is(post($site, '/update-user', { name => 'y', @$try }, cookie => $user->{cookie})->{json}{code}, 'FIELD_NOT_ALLOWED', 'nor update-user');
        }
        is(post($site, '/update-session', { impersonatedBy => 'x' }, cookie => $user->{cookie})->{json}{code}, 'FIELD_NOT_ALLOWED', 'nor update-session its own');
        my $form = request($site, POST => '/auth/sign-up', origin => ORIGIN, form => [name => 'x', email => 'form-try@example.com', password => PASSWORD, role => 'admin', banned => '0']);
        is("$form->{status} " . user_count($site, "email = 'form-try\@example.com'"), '400 0', 'nor the form of the page');
        is(user_count($site, "role = 'admin'"), 0, 'nobody has become anything');
    };

    for my $who (sort keys %roles) {
        subtest "$who: " . substr($roles{$who} // 'NULL', -30) => sub {
            $be->($who);
            for my $path (sort keys %open) {
                my $in = grep { $_ eq $who } split ' ', $open{$path};
                my $answer = env($site, $user, "/require-$path");
                is($in ? $answer->{json}{BETTERAUTH_EMAIL} : told($answer), $in ? "$who\@example.com" : '403 FORBIDDEN', $path);
            }
        };
    }

    subtest 'people, and nobody' => sub {
        $be->('editor');
        for my $path (sort keys %open) {
            my $page = request($site, GET => "/require-$path/env", headers => \@NAVIGATION, cookie => $user->{cookie});
            is($page->{status}, $open{$path} =~ /editor/ ? 200 : 403, "$path: a person");
            like($page->{body}, qr/signed in as.*editor\@example\.com/s, 'who is told who they are') if $page->{status} == 403;
            # "all granted" and one role shut out, as two of them say, is open to those without any
            my @expect = $path =~ /not|pass/ ? ('200 -') x 2 : ('401 UNAUTHORIZED', "302 /auth/sign-in?callbackURL=%2Frequire-$path%2Fenv");
            is_deeply([map { told(request($site, GET => "/require-$path/env", headers => $_)) } \@FETCH, \@NAVIGATION], \@expect, 'nobody, a program and a person');
        }
    };

    subtest 'what applications are told' => sub {
        $be->('two');
        my $env = env($site, $user, '/guarded', 'X-Auth-Role' => 'admin', 'X_Auth_Role' => 'admin')->{json};
        is_deeply([@$env{qw(BETTERAUTH_ROLE HTTP_X_AUTH_ROLE)}], ['guest,editor', 'guest,editor'], 'in the environment and in a header, whatever the client says');
        is(header(request($site, GET => '/role-variables', cookie => $user->{cookie}), 'x-role'), '<guest,editor|guest,editor>', 'in an expression');
        for my $who (qw(plain empty)) {
            $be->($who);
            my $none = env($site, $user, '/guarded', 'X-Auth-Role' => 'admin')->{json};
            ok(!exists $none->{$_}, "$who: no $_") for qw(BETTERAUTH_ROLE HTTP_X_AUTH_ROLE);
            is(header(request($site, GET => '/role-variables', cookie => $user->{cookie}), 'x-role'), '<|>', "$who: in an expression");
        }
        is(header(request($site, GET => '/role-variables', headers => ['X-Auth-Role' => 'admin']), 'x-role'), '<|>', 'nobody: in an expression');
    };

    subtest 'a ban' => sub {
        my ($bob, $eve) = map { sign_up($site) } 1, 2;
        my $get = sub { my ($path, @how) = @_; return request($site, GET => $path, headers => \@FETCH, @how ? @how : (cookie => $bob->{cookie})) };
        set($site, $bob, "banned = 1, banReason = 'spam'");
        is(env($site, $bob, '/guarded')->{status}, 401, 'the guard knows no session');
        my $again = sign_in($site, $eve);
        $bob->{cookie} = cookie_header(do { set($site, $bob, 'banned = 0'); sign_in($site, $bob) });
        ok(who($site, $bob->{cookie}), 'no longer banned: signs in');
        set($site, $bob, 'banned = 1');
        is($get->('/api/auth/list-accounts')->{status}, 401, 'an endpoint');
        is(session_count($site, "userId = '$bob->{user}{id}'"), 0, 'the session that was shown has ended');
        sql($site, "DELETE FROM session WHERE userId = '$bob->{user}{id}'");
        set($site, $bob, 'banned = 0');
        my $in = sign_in($site, $bob);
        set($site, $bob, 'banned = 1');
        my $session = $get->('/api/auth/get-session', headers => [Authorization => "Bearer $in->{json}{token}"]);
        is($session->{body}, 'null', 'a bearer token');
        set($site, $bob, 'banned = 0');
        $bob->{cookie} = cookie_header(sign_in($site, $bob));
        set($site, $bob, 'banned = 1');
        my $page = request($site, GET => '/auth/account', headers => \@NAVIGATION, cookie => $bob->{cookie});
        like($page->{status}, qr/^(?:302|303|404)$/, 'the pages');
        $page = request($site, GET => '/auth/sign-in', headers => \@NAVIGATION, cookie => $bob->{cookie});
        is($page->{status}, 200, 'the page of sign-in does not take them for signed in');

        error_is(sign_in($site, $bob), 403, 'BANNED_USER', $BANNED, 'signing in');
        error_is(sign_in($site, $bob, 'wrong horse battery'), 401, 'INVALID_EMAIL_OR_PASSWORD', 'Invalid email or password', 'a wrong password tells nothing');
        my $form = request($site, POST => '/auth/sign-in', origin => ORIGIN, form => [email => $bob->{email}, password => PASSWORD]);
        is($form->{status}, 403, 'by the page');
        like($form->{body}, qr/This account has been banned/, 'which says why');
        is(session_count($site, "userId = '$bob->{user}{id}'"), 0, 'no session begins');
        is(env($site, { cookie => cookie_header($again) }, '/guarded')->{status}, 200, 'others are not concerned');

        set($site, $bob, "banExpires = '" . days($site, 1) . "'");
        is(sign_in($site, $bob)->{status}, 403, 'until tomorrow');
        set($site, $bob, "banExpires = '" . days($site, -1) . "'");
        is(sign_in($site, $bob)->{status}, 200, 'until yesterday');
        is_deeply([sql($site, "SELECT banned, banReason, banExpires FROM user WHERE id = '$bob->{user}{id}'")], [[0, undef, undef]], 'which lifts it');
    };

    subtest 'a mailed link signs in nobody who is banned' => sub {
        my $user = sign_up($site);
        post($site, '/send-verification-email', { email => $user->{email} });
        set($site, $user, 'banned = 1');
        my ($mail) = mails($site, $user->{email});
        my ($path) = $mail->{url} =~ m{^http://auth\.test(/.*)$};
        my $answer = request($site, GET => $path);
        is("$answer->{status} $answer->{json}{code}", '403 BANNED_USER', 'is refused');
        is(user_count($site, "email = '$user->{email}' AND emailVerified = 1"), 0, 'and has done nothing');
        set($site, $user, 'banned = 0');
        like(cookie_header(request($site, GET => $path)), qr/session_token=./, 'then it does');
    };

    subtest 'sessions that somebody else began' => sub {
        my $user = sign_up($site);
        my $other = sign_in($site, $user);
        sql($site, "UPDATE session SET impersonatedBy = 'somebody' WHERE token = '$other->{json}{token}'");
        is(who($site, cookie_header($other))->{session}{impersonatedBy}, 'somebody', 'say so');
        is_deeply([map { $_->{token} } @{ request($site, GET => '/api/auth/list-sessions', cookie => $user->{cookie})->{json} }], [$user->{token}], 'and are not listed');
    };
} 'admin';

# A cookie answers where no Require line asks.
subtest 'a cookie cache' => sub {
    my $site = 'admin-cache';
    clean($site);
    my $user = sign_up($site);
    is(env($site, $user, '/require-role')->{status}, 403, 'user is not enough');
    set($site, $user, "role = 'editor'");
    is(env($site, $user, '/guarded')->{json}{BETTERAUTH_ROLE}, 'user', 'the cookie says what it said');
    my $env = env($site, $user, '/require-role');
    is("$env->{status} $env->{json}{BETTERAUTH_ROLE}", '200 editor', 'where a role is wanted the database is asked, and what it says is told');
    set($site, $user, 'banned = 1');
    is(env($site, $user, '/guarded')->{status}, 200, 'a ban is not seen where the cookie answers');
    is(env($site, $user, '/require-role')->{status}, 401, 'and is where the database does');
    is(env($site, $user, '/require-role-not')->{json}{BETTERAUTH_EMAIL}, undef, 'also where a role shuts out: it is nobody who comes in');
    is(request($site, GET => '/api/auth/list-sessions', cookie => $user->{cookie})->{status}, 401, 'by an endpoint');
};

subtest 'a ban that the cookie itself knows' => sub {
    my $site = 'admin-cache';
    my $user = sign_up($site);
    set($site, $user, "banned = 1, banExpires = '" . days($site, -1) . "'");
    my $in = sign_in($site, $user);
    is($in->{json}{user}{banned}, JSON::PP::true, 'sign-in answers what it found');
    is(env($site, { cookie => cookie_header($in) }, '/guarded')->{status}, 200, 'one that is over keeps nobody out');
};

# What docs/options.md says to type, on both databases.
subtest 'the manual' => sub {
    open my $in, '<:utf8', "$ENV{BA_SRCDIR}/docs/options.md" or die;
    my ($text) = do { local $/; <$in> } =~ /^## Roles and bans\n(.*)/ms;
    my @update = $text =~ /^ {4}(UPDATE .*;)$/mg;
    my ($conf) = $text =~ /^((?: {4}.*\n)+)/m;
    is(scalar @update, 6, 'six statements');
    my ($status, $output) = configtest(qq{DBDriver sqlite3\nDBDParams "@{[BATest::_site('admin-sqlite')->{file}]}"\nTraceEnable off\nBetterAuthSecret @{[SECRET]}\nBetterAuthBaseURL http://a.test\n$conf});
    is($status, 0, 'a configuration') or diag $output;
    unlike($output, qr/BA\d{4}/, 'that is complete') or diag $output;
    for my $site (qw(admin-mysql admin-sqlite)) {
        clean($site);
        my %user = map { $_ => 1 } my @who = qw(ada bob carl mallory trudy);
        for my $who (@who) { $user{$who} = sign_up($site, email => "$who\@example.com") }
        set($site, $user{carl}, 'role = NULL');
        my $status = sub { return join ' ', map { "$_:" . sign_in($site, $user{$_})->{status} } qw(mallory trudy) };
        sql($site, $_) for @update[0 .. 4];
        is(env($site, $user{$_->[0]}, '/guarded')->{json}{BETTERAUTH_ROLE}, $_->[1], "$site: the role of $_->[0]") for [ada => 'admin'], [bob => 'editor,moderator'], [carl => 'user'];
        is($status->(), 'mallory:403 trudy:403', 'both are banned');
        sql($site, $update[5]);
        is($status->(), 'mallory:200 trudy:403', 'and one is not any more');
    }
};

done_testing;
