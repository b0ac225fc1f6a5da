#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# AuthType Basic with AuthBasicProvider betterauth: programs that send the password each time. As sign-in decides, and what
# was right is not compared again for a while, unless something of the user changes.
use strict;
use warnings;
use BATest -own;
use BATest::Httpd;
use BATest::Sites;
use File::Path qw(make_path);

expect_private_log(qw(AH01631 BA0104 BA0105 BA0201 BA0714 AH00629 AH00632 AH00633 AH00639 AH02655));    # who may not, and a database that is down

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $db = private_mariadb('basic');
$db->create('basic', schema('mysql'));
my $dir = BATest::state()->{workdir} . '/basic-files-' . flavour();

my $EXTRA = <<"END";
    RemoteIPHeader X-Forwarded-For
    RemoteIPInternalProxy 127.0.0.1
    BetterAuthAdmin on
    BetterAuthDeleteUser on
    BetterAuthChangeEmail on
    BetterAuthChangeEmailUnverified on
    BetterAuthBearer on
    <LocationMatch "^/(?:api-key|guest|role|checked|plain-id|kept|gone|broken|outsider)/">
        AuthType Basic
        AuthName "Programs"
        AuthBasicProvider betterauth
        Require valid-user
    </LocationMatch>
    <LocationMatch "^/(?:guest|outsider)/">
        AuthBasicProvider betterauth file
        AuthUserFile "\@ROOT\@/htpasswd"
    </LocationMatch>
    <Location "/gone">
        ProxyPass "http://127.0.0.1:9/"
        ErrorDocument 503 /api-key/env
    </Location>
    <Location "/outsider">
        AuthMerging Off
        Require betterauth email *\@example.com
    </Location>
    <Location "/plain-id/lost">
        ErrorDocument 404 /guarded/env
    </Location>
    <Location "/broken">
        AuthBasicProvider file
        AuthUserFile "/nonexistent/htpasswd"
    </Location>
    <Location "/role">
        AuthMerging Off
        Require betterauth role editor
    </Location>
    <Location "/checked">
        Require betterauth email-verified
    </Location>
    <Location "/plain-id">
        BetterAuthRemoteUser id
        BetterAuthExport none
    </Location>
    <Location "/kept">
        BetterAuthForwardCookies on
    </Location>
    <Location "/both">
        AuthType Session
        AuthName "People"
        Require valid-user
        <If "-n req('Authorization') || req('User-Agent') =~ m#^git/#">
            AuthType Basic
            AuthBasicProvider betterauth
        </If>
    </Location>
    Alias "/files" "$dir"
    <Directory "$dir">
        AuthType Basic
        AuthName "Files"
        AuthBasicProvider betterauth
        Require valid-user
        Dav on
        DirectoryIndex disabled
        <Files "file2">
            ForceType text/plain
        </Files>
    </Directory>
END

sub ask { my ($site, $path, $name, $password) = @_; return request($site, GET => $path, defined $name ? (headers => basic($name, $password)) : ()) }
sub ask_from { my ($client, $site, $path, $name, $password) = @_; return request($site, GET => $path, headers => [@{ basic($name, $password) }, 'X-Forwarded-For' => $client]) }
sub change { my ($site, $sql) = @_; return $site =~ /mysql/ ? $db->sql($sql, 'basic') : sql($site, $sql) }

# The headers that a proxied application got.
sub got { my @raw = @{ $_[0]{json}{headers} }; my %got; while (my ($k, $v) = splice @raw, 0, 2) { $got{ lc $k } = $v } return \%got }

# Statements that others than root run while code does.
sub statements {
    my ($code) = @_;
    my $count = sub { my %of = map { @$_ } $db->sql(q{SHOW GLOBAL STATUS WHERE Variable_name = 'Com_stmt_execute'}); $of{Com_stmt_execute} };
    my $before = $count->();
    $code->();
    return $count->() - $before;
}

# What must be refused at the next request, with the password that was right a moment ago.
my @CHANGES = (
    ['a new password', sub { my ($site, $u) = @_; my $old = $u->{password}; post($site, '/change-password', { currentPassword => $old, newPassword => $u->{password} = 'another good one' }, cookie => $u->{cookie})->{status} }, 1],
    ['a new address', sub { my ($site, $u) = @_; change($site, 'UPDATE user SET emailVerified = 0'); post($site, '/change-email', { newEmail => $u->{email} = new_email() }, cookie => $u->{cookie})->{status} }, 1],
    ['no account any more', sub { my ($site, $u) = @_; post($site, '/delete-user', { password => $u->{password} }, cookie => $u->{cookie})->{status} }, 0],
);

make_path($dir, "$dir/repository");
for my $n (1 .. 4) { open my $out, '>', "$dir/file$n" or die; print {$out} "file $n\n" }

expect_log('AH01617', 'AH01618', 'AH01620', 'AH00957', 'AH01114');
for my $dialect (qw(mysql sqlite)) {
    subtest $dialect => sub {
        my $site = "basic-$dialect";
        my $httpd = private_httpd(name => $site, extra => $EXTRA, cache => 'BetterAuthSessionCache shmcb:x(600000) 60', main => BATest::Sites::load(qw(dav dav_fs)) . qq(DavLockDB "$dir-$dialect.lock"\n),
            $dialect eq 'mysql' ? (mariadb => $db, database => 'basic') : ());
        my $user = sign_up($site, password => PASSWORD);
        my $in = sub { my ($path, $password) = @_; return ask($site, $path, $user->{email}, $password // $user->{password}) };

        my $none = ask($site, '/api-key/env');
        is($none->{status}, 401, 'nobody');
        like(header($none, 'www-authenticate'), qr/^Basic realm="Programs"/, 'is asked for a password');
        my $env = $in->('/api-key/env');
        is($env->{status}, 200, 'the password of sign-in');
        is($env->{json}{REMOTE_USER}, $user->{email}, 'tells who');
        is($env->{json}{AUTH_TYPE}, 'Basic', 'and how');
        is_deeply([@{ $env->{json} }{qw(BETTERAUTH_USER_ID BETTERAUTH_EMAIL HTTP_X_AUTH_USER_ID BETTERAUTH_SESSION_ID)}], [$user->{user}{id}, $user->{email}, $user->{user}{id}, undef], 'as for a session, but for its id');
        is(ask($site, '/api-key/env', uc $user->{email}, $user->{password})->{json}{REMOTE_USER}, $user->{email}, 'in capitals too');
        is($in->('/api-key/env', 'wrong password')->{status}, 401, 'a wrong password');
        is(ask($site, '/api-key/env', new_email(), PASSWORD)->{status}, 401, 'an unknown address');
        is(ask($site, '/api-key/env', 'no address', PASSWORD)->{status}, 401, 'none at all');
        is(ask($site, '/api-key/env', '', '')->{status}, 401, 'nothing');
        is($in->('/api-key/env', 'x' x 5000)->{status}, 401, 'far too much');
        is(request($site, GET => '/api-key/env', cookie => $user->{cookie})->{status}, 401, 'a session is no password');
        is(request($site, GET => '/members/page.html', headers => basic($user->{email}, $user->{password}))->{status}, 401, 'and a password no session');
        is($in->('/plain-id/env')->{json}{REMOTE_USER}, $user->{user}{id}, 'REMOTE_USER as configured');
        is($in->('/plain-id/env')->{json}{BETTERAUTH_EMAIL}, undef, 'and nothing else, likewise');
        is(ask($site, '/guest/env', 'alice@example.com', 'basic-password')->{json}{REMOTE_USER}, 'alice@example.com', 'whom we do not know another provider may');
        is(ask($site, '/guest/env', 'alice@example.com', 'basic-password')->{json}{BETTERAUTH_EMAIL}, undef, 'who is no user of ours');
        is(ask($site, '/outsider/env', 'alice@example.com', 'basic-password')->{status}, 401, 'nor meets a Require betterauth');
        is($in->('/guest/env', 'wrong password')->{status}, 401, 'but nobody overrules us');

        my $told = request($site, GET => '/api-key/echo', headers => [@{ basic($user->{email}, $user->{password}) }, 'X-Auth-Email' => 'forged@example.com']);
        is(got($told)->{'x-auth-email'}, $user->{email}, 'a proxied application is told who');
        is(got($told)->{authorization}, undef, 'without the password');
        like(got($in->('/kept/echo'))->{authorization} // '', qr/^Basic /, 'unless it is to have it');

        my $gone = $in->('/gone/');
        is("$gone->{status} " . ($gone->{json}{REMOTE_USER} // ''), "503 $user->{email}", 'an error document knows who, though the application was not told the password');
        my $lost = $in->('/plain-id/lost');
        is($lost->{status}, 401, 'an error document that asks for a session');
        unlike($lost->{body}, qr/"REMOTE_USER"|\Q$user->{email}\E/, 'is not shown to a password');
        is($in->('/broken/env')->{status}, 500, 'another provider that fails');

        isnt($in->('/role/env')->{status}, 200, 'Require betterauth role: not yet');
        isnt($in->('/checked/env')->{status}, 200, 'Require betterauth email-verified: not yet');
        isnt(ask($site, '/role/env')->{status}, 200, 'nor for nobody');
        change($site, "UPDATE user SET role = 'editor', emailVerified = 1 WHERE id = '$user->{user}{id}'");
        post($site, '/update-user', { name => 'Known' }, cookie => $user->{cookie});    # tells the cache
        is($in->("/$_/env")->{status}, 200, "Require betterauth, $_") for qw(role checked);

        is($in->('/both/env')->{json}{AUTH_TYPE}, 'Basic', 'one location for programs');
        is(request($site, GET => '/both/env', cookie => $user->{cookie})->{json}{AUTH_TYPE}, 'Session', 'and people');
        unlike(header(ask($site, '/both/env'), 'www-authenticate'), qr/Basic/, 'others are not asked for a password');
        like(header(request($site, GET => '/both/env', headers => ['User-Agent' => 'git/2.39']), 'www-authenticate'), qr/^Basic/, 'but git is');
        is(request($site, GET => '/both/env', headers => [Authorization => 'Basic !'])->{status}, 401, 'nor for what is no password');

        # cached: no child compares again, nor asks
        my $warm = sub { my @said = parallel(6, sub { join '', map { $in->('/api-key/env')->{status} } 1 .. 3 }); return join ' ', grep { $_ ne '200200200' } @said };
        is($warm->(), '', 'at the same time');
        cmp_ok(statements(sub { $in->('/api-key/env') for 1 .. 20 }), '<', 10, 'a cached password asks no database') if $dialect eq 'mysql';
        cmp_ok(statements(sub { ask_from("192.0.2.$_", $site, '/api-key/env', $user->{email}, $user->{password}) for 1 .. 20 }), '>=', 20, 'but for the client that sent it alone: nobody else guesses there') if $dialect eq 'mysql';
        is($in->('/api-key/env', 'wrong password')->{status}, 401, 'a wrong one is still wrong');
        for my $row (@CHANGES) {
            my ($what, $do, $lives) = @$row;
            my %before = %$user;
            is($warm->(), '', "$what: known to all children");
            is($do->($site, $user), 200, "$what: done");
            is_deeply([grep { $_ != 401 } map { ask($site, '/api-key/env', @before{qw(email password)})->{status} } 1 .. 12], [], "$what: the old one is refused at once");
            is($in->('/api-key/env')->{status}, $lives ? 200 : 401, "$what: " . ($lives ? 'the new one is good' : 'nobody'));
        }

        # WebDAV: a sub-request for each file; git: several requests, 401 first
        $user = sign_up($site, password => PASSWORD);
        my $found = request($site, PROPFIND => '/files/', headers => [@{ basic($user->{email}, PASSWORD) }, Depth => 1]);
        is($found->{status}, 207, 'PROPFIND');
        is(scalar(() = $found->{body} =~ /file\d/g), 4, 'finds all files, also where the configuration is another');
        my $port = BATest::state()->{flavours}{ flavour() }{sites}{$site}{port};
        my $url = sub { "http://$_[0]\@127.0.0.1:$port/files/repository" };
        my $name = $user->{email} =~ s/\@/%40/r;
        if (-x '/usr/bin/git') {
            system("rm -rf '$dir/work' '$dir/repository' && git -c init.defaultBranch=main init -q '$dir/work' && cd '$dir/work' && git -c user.name=x -c user.email=x\@example.com commit -q --allow-empty -m first"
                . " && git clone -q --bare . ../repository && cd ../repository && git update-server-info") == 0 or die 'git';
            like(qx(GIT_TERMINAL_PROMPT=0 git ls-remote @{[ $url->("$name:" . PASSWORD =~ s/ /%20/gr) ]} 2>&1), qr{^[0-9a-f]{40,}\s+refs/heads/main$}m, 'git');
            like(qx(GIT_TERMINAL_PROMPT=0 git ls-remote @{[ $url->("$name:wrong") ]} 2>&1), qr/uthentication failed/, 'git with a wrong password');
        }

        my $banned = sign_up($site, password => PASSWORD);
        change($site, "UPDATE user SET banned = 1 WHERE id = '$banned->{user}{id}'");
        is(ask($site, '/api-key/env', $banned->{email}, PASSWORD)->{status}, 401, 'who is banned');
        $httpd->stop;
    };
}

subtest 'limits, without a cache' => sub {
    my $httpd = private_httpd(name => 'basic-limit', extra => $EXTRA =~ s/^ +Dav .*\n//mr, limit => 'BetterAuthRateLimit on');
    my ($user, $other) = map { sign_up('basic-limit', password => PASSWORD) } 1 .. 2;
    is_deeply([map { ask('basic-limit', '/api-key/env', $user->{email}, PASSWORD)->{status} } 1 .. 8], [(200) x 8], 'as often as one likes, with the right password');
    is_deeply([map { ask('basic-limit', '/api-key/env', $user->{email}, 'wrong password')->{status} } 1 .. 3], [401, 401, 401], 'three that are wrong');
    my $late = ask('basic-limit', '/api-key/env', $other->{email}, PASSWORD);
    is($late->{status}, 429, 'then that client waits');
    like(header($late, 'retry-after'), qr/^(?:10|[1-9])$/, 'and is told how long');
    is(post('basic-limit', '/sign-in/email', { email => $user->{email}, password => PASSWORD })->{status}, 429, 'at sign-in as well');
    $httpd->stop;
};

subtest 'limits, at the same time' => sub {
    my $site = 'basic-parallel';
    my $httpd = private_httpd(name => $site, extra => $EXTRA =~ s/^ +Dav .*\n//mr, limit => 'BetterAuthRateLimit on', cache => 'BetterAuthSessionCache off');
    my @users = map { sign_up($site, password => PASSWORD) } 1 .. 2;
    my $at_once = sub { my ($count, $ask) = @_; my %n; $n{$_}++ for parallel($count, sub { $ask->(@_)->{status} }); return \%n };
    is_deeply($at_once->(20, sub { ask($site, '/api-key/env', $users[0]{email}, PASSWORD) }), { 200 => 20 }, 'twenty with the right password');
    is_deeply($at_once->(40, sub { ask($site, '/api-key/env', "$_[0]-" . new_email(), 'wrong password') }), { 401 => 3, 429 => 37 }, 'forty that are wrong, each for another account: three are told');
    $httpd->stop;
};

subtest 'limits, with a cache' => sub {
    my $site = 'basic-cache';
    my $httpd = private_httpd(name => $site, extra => $EXTRA =~ s/^ +Dav .*\n//mr, limit => 'BetterAuthRateLimit on', cache => 'BetterAuthSessionCache shmcb:x(600000) 60');
    my ($user, $other) = map { sign_up($site, password => PASSWORD) } 1 .. 2;
    my $is_in = sub { my ($client, $who) = @_; return ask_from($client, $site, '/api-key/env', $who->{email}, PASSWORD)->{status} };
    is_deeply([map { $is_in->(@$_) } ['192.0.2.1', $user], ['192.0.2.1', $other], ['192.0.2.2', $other]], [200, 200, 200], 'known to the cache');
    ask_from('192.0.2.1', $site, '/api-key/env', "$_-" . new_email(), 'wrong password') for 1 .. 3;
    is($is_in->('192.0.2.1', $user), 429, 'a client that has to wait does not find there that a password is right');
    ask_from("192.0.2.1$_", $site, '/api-key/env', $other->{email}, 'wrong password') for 1 .. 10;
    is($is_in->('192.0.2.2', $other), 429, 'nor does anybody of an account that is slowed down');
    is($is_in->('192.0.2.2', $user), 200, 'others go on');
    $httpd->stop;
};

subtest 'who may not sign in' => sub {
    my $site = 'basic-strict';
    my $httpd = private_httpd(name => $site, extra => $EXTRA =~ s/^ +Dav .*\n//mr . "    BetterAuthRequireEmailVerification on\n");
    post($site, '/sign-up/email', { email => 'new@example.com', password => PASSWORD, name => 'New' });
    is(ask($site, '/api-key/env', 'new@example.com', PASSWORD)->{status}, 401, 'not verified');
    sql($site, 'UPDATE user SET emailVerified = 1');
    is(ask($site, '/api-key/env', 'new@example.com', PASSWORD)->{status}, 200, 'verified');
    sql($site, "UPDATE account SET password = '\$apr1\$saltsalt\$2vrh5nsigGMBXv8JVFDVZ.'");
    is(ask($site, '/api-key/env', 'new@example.com', 'tr0ub4dor & 3')->{status}, 200, 'an imported hash');
    like((sql($site, 'SELECT password FROM account'))[0][0], qr/^\$argon2id/, 'is renewed here too');
    $httpd->stop;
};

subtest 'what cannot be' => sub {
    my $site = 'basic-down';
    my $httpd = private_httpd(name => $site, mariadb => $db, database => 'basic', extra => $EXTRA =~ s/^ +Dav .*\n//mr . "    ErrorDocument 503 /index.html\n");
    $db->kill_now;
    my $down = ask($site, '/api-key/env', 'a@example.com', PASSWORD);
    is($down->{status}, 503, 'the database is down');
    $httpd->stop;

    my $conf = "DBDriver sqlite3\nDBDParams /nowhere.db\n<Location /git>\nAuthType Basic\nAuthName x\nAuthBasicProvider file betterauth\nRequire valid-user\n</Location>\n";
    my ($status, $said) = configtest($conf);
    like($said, qr/BA0111:.*AuthBasicProvider betterauth needs a signing key/, 'a configuration without a secret');
    isnt($status, 0, 'is refused');
    is((configtest("BetterAuthSecret " . SECRET . "\nTraceEnable off\n$conf"))[0], 0, 'with one it is fine');
};

done_testing;
