#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# What is said inside wins, what is not said is inherited, and the default said on purpose is not the same as nothing said.
use strict;
use warnings;
use BATest -own;
use BATest::Sites;
use File::Path qw(make_path);

expect_private_log(qw(BA0119 BA0714));    # servers that are only looked at have no database

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $NAME = 'merge';
my $state = BATest::state();
my $FILE = BATest::Sites::file($NAME);
my ($OLD, $NEW, $OTHER) = ('an-old-key-abcdefghijklmnopqrstuvwxyz-0', 'a-new-key-zyxwvutsrqponmlkjihgfedcba-1', 'another-site-0a1b2c3d4e5f6g7h8i9j0k1l2m');
my @FETCH = ('Sec-Fetch-Mode' => 'cors', 'Sec-Fetch-Dest' => 'empty', Accept => '*/*');
my @NAVIGATION = ('Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', Accept => 'text/html');

# --- A tree of folders, each with a program, some with an .htaccess ----------------------------------------------------

my $tree = "$state->{workdir}/merge-tree-" . flavour();
my $program = do { open my $in, '<', "$state->{srcdir}/t/conf/site/env.cgi" or die; local $/; <$in> };

sub write_file { my ($file, $text) = @_; open my $out, '>', $file or die "$file: $!"; print {$out} $text; close $out }

sub folder {
    my ($path, $htaccess) = @_;
    make_path("$tree/$path");
    write_file("$tree/$path/who.cgi", $program);
    chmod 0755, "$tree/$path/who.cgi";
    write_file("$tree/$path/.htaccess", $htaccess) if $htaccess;
}

sub said { my (%d) = @_; return join '', map { "BetterAuth$_ $d{$_}\n" } sort keys %d }

# In words: what somebody signed in and somebody anonymous sees.
sub seen {
    my ($site, $path, $user) = @_;
    my $env = request($site, GET => "$path/who.cgi", cookie => $user->{cookie})->{json} || {};
    my $who = $env->{REMOTE_USER} // '-';
    my $as = $who eq $user->{email} ? 'email' : $who eq $user->{user}{id} ? 'id' : $who eq $user->{name} ? 'name' : "[$who]";
    my $to = join '+', ($env->{BETTERAUTH_EMAIL} ? 'env' : ()), ($env->{HTTP_X_AUTH_EMAIL} ? 'headers' : ());
    my ($fetch, $page) = map { request($site, GET => "$path/who.cgi", headers => $_)->{status} } \@FETCH, \@NAVIGATION;
    my $how = { '401 302' => 'auto', '401 401' => '401', '302 302' => 'redirect', '200 200' => 'pass' }->{"$fetch $page"} || "[$fetch $page]";
    return "$how $as " . ($to eq 'env+headers' ? 'both' : $to || 'none');
}

folder($_) for qw(plain outer outer/inner outer/inner/deep outer/default located located/inner ifs files optional);
folder('outer/htaccess', said(Unauthenticated => 401, RemoteUser => 'id'));
folder('outer/htaccess/below');
folder('outer/htaccess/below/default', said(Unauthenticated => 'auto', RemoteUser => 'email', Export => 'both'));
folder('outer/htaccess/below/one', said(Export => 'headers'));
folder('outer/htaccess/located');
folder('optional/htaccess', "Require valid-user\n");
folder('optional/closed', "Require valid-user\nBetterAuthUnauthenticated 401\n");
folder('fresh', "AuthType Session\nAuthName Fresh\nRequire valid-user\n" . said(RemoteUser => 'name'));

my $guard = "AuthType Session\nAuthName Merge\nRequire valid-user\n";
my $sections = <<"END";
    Alias "/t" "$tree"
    <Directory "$tree">
        Options +ExecCGI
        AddHandler cgi-script .cgi
        AllowOverride AuthConfig
        Require all granted
    </Directory>
    <Directory "$tree/outer">
        $guard
        BetterAuthUnauthenticated redirect
        BetterAuthRemoteUser name
        BetterAuthExport env
    </Directory>
    <Directory "$tree/outer/inner">
        BetterAuthRemoteUser id
    </Directory>
    <Directory "$tree/outer/default">
        BetterAuthUnauthenticated auto
        BetterAuthRemoteUser email
        BetterAuthExport both
    </Directory>
    <Directory "$tree/located">
        $guard
        BetterAuthUnauthenticated 401
        BetterAuthExport none
    </Directory>
    <Location "/t/located">
        BetterAuthRemoteUser name
    </Location>
    <Location "/t/located/inner">
        BetterAuthUnauthenticated auto
        BetterAuthExport headers
    </Location>
    <Location "/t/outer/htaccess/located">
        BetterAuthRemoteUser name
        BetterAuthExport both
    </Location>
    <Directory "$tree/files">
        $guard
        BetterAuthUnauthenticated redirect
        BetterAuthExport env
        <Files "who.cgi">
            BetterAuthUnauthenticated auto
            BetterAuthRemoteUser id
        </Files>
    </Directory>
    <Directory "$tree/ifs">
        $guard
        BetterAuthUnauthenticated 401
        BetterAuthRemoteUser name
        <If "%{REQUEST_METHOD} == 'GET'">
            BetterAuthRemoteUser email
            BetterAuthExport headers
        </If>
    </Directory>
    <Directory "$tree/optional">
        AuthType Session
        AuthName Optional
        BetterAuthUnauthenticated pass
        Require all granted
    </Directory>
END

# Sections that only the server has, and a virtual host that says something inside of them
my $server_sections = <<"END";
<Directory "$tree/plain">
    $guard
    BetterAuthUnauthenticated redirect
    BetterAuthRemoteUser id
    BetterAuthExport headers
</Directory>
END
my $vhost_sections = <<"END";
    Alias "/t" "$tree"
    <Directory "$tree">
        Options +ExecCGI
        AddHandler cgi-script .cgi
    </Directory>
    <Directory "$tree/plain">
        BetterAuthUnauthenticated auto
        BetterAuthRemoteUser email
    </Directory>
END

# --- Server and virtual hosts -------------------------------------------------------------------------------------------

my $pages = "$state->{workdir}/merge-pages-" . flavour();
make_path("$pages/server", "$pages/host");
write_file("$pages/$_/sign-in.html", "sign-in of the $_\n") for qw(server host);

my %server = (Secret => $OLD, BaseURL => 'http://server.test', BasePath => '/api/s', PagesPath => '/s', PagesDir => "$pages/server",
    TrustedOrigins => 'https://server.example', CookiePrefix => 'server', CookieDomain => 'server.test', SecureCookies => 'on', SignUp => 'on',
    AutoSignIn => 'off', RequireEmailVerification => 'on', PasswordLength => '12 64', PasswordHash => 'argon2id m=12288 t=3 p=1', SessionExpiresIn => '2h',
    SessionUpdateAge => '30m', SessionFreshAge => '1h', CookieCache => 'compact 70', CookieCacheVersion => '"v 1"');
my %host = (Secret => $NEW, BaseURL => 'https://host.test', BasePath => '/api/h', PagesPath => '/h', PagesDir => "$pages/host",
    TrustedOrigins => 'https://host.example', CookiePrefix => 'host', CookieDomain => 'host.test', SecureCookies => 'off', SignUp => 'on',
    AutoSignIn => 'on', RequireEmailVerification => 'off', PasswordLength => '10 64', PasswordHash => 'scrypt', SessionExpiresIn => '3h',
    SessionUpdateAge => '40m', SessionFreshAge => '2h', CookieCache => 'jwt 90', CookieCacheVersion => '2');
# The defaults as one would write them; PagesDir, TrustedOrigins and CookieDomain have none that can be written.
my %default = (Secret => $OTHER, BaseURL => 'http://default.test', BasePath => '/api/auth', PagesPath => '/auth', PagesDir => "$pages/host",
    TrustedOrigins => 'https://host.example', CookiePrefix => 'better-auth', CookieDomain => 'host.test', SecureCookies => 'auto', SignUp => 'on',
    AutoSignIn => 'on', RequireEmailVerification => 'off', PasswordLength => '8 128', PasswordHash => 'argon2id m=19456 t=2 p=1', SessionExpiresIn => '7d',
    SessionUpdateAge => '1d', SessionFreshAge => '1d', CookieCache => 'off', CookieCacheVersion => '1');
my @ALL = sort keys %server;

my $DB = qq{    DBDriver sqlite3\n    DBDParams "$FILE"\n};
my $echo = "    <Directory \"/\">\n        Require all denied\n    </Directory>\n";

sub mounts { my (%d) = @_; return qq{    <Location "$d{BasePath}">\n        SetHandler betterauth\n    </Location>\n    <Location "$d{PagesPath}">\n        SetHandler betterauth-pages\n    </Location>\n} }
my %sites;    # name => everything that counts there
sub host {
    my ($name, $said, $more) = @_;
    my %counts = %{ $sites{$name} = { %server, %$said } };
    return BATest::Sites::vhost($name, file => $FILE, bare => 1, extra => mounts(%counts) . $echo . said(%$said) . ($more // ''));
}

my $main = $DB . said(%server) . "BetterAuthRateLimit off\nBetterAuthSessionCache off\n" . $server_sections
    . host('nothing', {}, $sections)
    . host('everything', \%host, $vhost_sections)
    . host('defaults', \%default)
    . join('', map { host("only-$_", { $_ => $host{$_} }) } @ALL)
    . join('', map { host("default-$_", { $_ => $default{$_} }) } grep { $default{$_} ne $host{$_} } @ALL)
    . host('sign-up-off', { SignUp => 'off' })
    . host('origins-twice', {}, "BetterAuthTrustedOrigins https://one.example\nBetterAuthTrustedOrigins https://two.example https://three.example\n")
    . host('rotated', { Secret => "$NEW $OLD" })
    . host('back', { Secret => "$OLD $NEW" })
    . host('forgotten', { Secret => $NEW });

# Of its own, this site says what site.conf says: a key, an address. All else comes from the server.
my $httpd = private_httpd(name => $NAME, main => $main, extra => "    BetterAuthBasePath /api/auth\n    BetterAuthPagesPath /auth\n");

# --- Directories ----------------------------------------------------------------------------------------------------------

# An account of the host that says nothing; verified by hand, since the server asks for that.
sub user_of {
    my ($site) = @_;
    my $d = $sites{$site};
    my %user = (email => new_email(), name => "Mo $$", password => PASSWORD);
    my $up = request($site, POST => "$d->{BasePath}/sign-up/email", json => \%user, origin => $d->{BaseURL});
    is($up->{status}, 200, "$site: sign-up") or diag "$up->{status} $up->{body}";
    sql($NAME, "UPDATE user SET emailVerified = 1 WHERE email = '$user{email}'");
    my $in = request($site, POST => "$d->{BasePath}/sign-in/email", json => { email => $user{email}, password => PASSWORD }, origin => $d->{BaseURL});
    is($in->{status}, 200, "$site: sign-in") or diag "$in->{status} $in->{body}";
    return { %user, user => $in->{json}{user}, cookie => cookie_header($in), up => $up, in => $in };
}

subtest 'directories' => sub {
    my $user = user_of('nothing');
    my %want = (
        'outer'                             => 'redirect name env',
        'outer/inner'                       => 'redirect id env',
        'outer/inner/deep'                  => 'redirect id env',
        'outer/default'                     => 'auto email both',
        'outer/htaccess'                    => '401 id env',
        'outer/htaccess/below'              => '401 id env',
        'outer/htaccess/below/default'      => 'auto email both',
        'outer/htaccess/below/one'          => '401 id headers',
        'outer/htaccess/located'            => '401 name both',
        'located'                           => '401 name none',
        'located/inner'                     => 'auto name headers',
        'files'                             => 'auto id env',
        'ifs'                               => '401 email headers',
        'optional'                          => 'pass email both',
        'optional/htaccess'                 => 'auto email both',
        'optional/closed'                   => '401 email both',
        'fresh'                             => 'auto name both',
        'plain'                             => 'redirect id headers',
    );
    is(seen('nothing', "/t/$_", $user), $want{$_}, $_) for sort keys %want;
};

subtest 'a section of the server, continued in a virtual host' => sub {
    my $user = user_of('everything');
    is(seen('everything', '/t/plain', $user), 'auto email headers', 'what is said there wins, the rest is the server\'s');
};

subtest 'where they cannot stand' => sub {
    for my $line ('BetterAuthUnauthenticated pass', 'BetterAuthRemoteUser id', 'BetterAuthExport none') {
        my ($status, $output) = configtest("$line\n");
        like($output, qr/not allowed here/, "$line outside of a directory") or diag $output;
    }
    for my $name (@ALL, 'HashConcurrency') {
        my $value = $server{$name} // '2 2';
        my ($status, $output) = configtest("<Directory \"/srv\">\nBetterAuth$name $value\n</Directory>\n");
        like($output, qr/not allowed|cannot occur/, "BetterAuth$name in a directory");
        unlike($output, qr/\Q$OLD/, 'no key is shown');
    }
    my ($status, $output) = configtest("<VirtualHost *:80>\nBetterAuthHashConcurrency 2 2\n</VirtualHost>\n");
    like($output, qr/cannot occur|not allowed/, 'BetterAuthHashConcurrency in a virtual host');
};

# --- Server directives ------------------------------------------------------------------------------------------------------

# Each looks from outside at one directive of a site; true: what is expected is what counts there.
my %cookie_of;

sub up { my ($site, $user, %o) = @_; my $d = $sites{$site}; return request($site, POST => "$d->{BasePath}/sign-up/email", origin => $d->{BaseURL}, json => { name => 'x', email => new_email(), password => PASSWORD, %$user }, %o) }
sub in { my ($site, $user, %o) = @_; my $d = $sites{$site}; return request($site, POST => "$d->{BasePath}/sign-in/email", origin => $d->{BaseURL}, json => { email => $user->{email}, password => $user->{password}, %$user }, %o) }
sub data_name { my ($d) = @_; return cookie_name($d) =~ s/token$/data/r }

# Form, Max-Age and version of the cookie cache, as in the directives.
sub cache_of {
    my ($d, $cookies) = @_;
    my $data = $cookies->{ data_name($d) } or return 'off';
    require MIME::Base64;
    my ($age) = $data->{attributes} =~ /^Max-Age=(\d+)/;
    my @parts = split /\./, $data->{value};
    my $json = MIME::Base64::decode_base64url($parts[1] // $parts[0]);
    my ($version) = $json =~ /"version":"([^"]*)"/;
    return (@parts == 3 ? 'jwt' : 'compact') . " $age $version";
}

sub cookie_name { my ($d) = @_; my $secure = $d->{SecureCookies} eq 'on' || $d->{SecureCookies} eq 'auto' && $d->{BaseURL} =~ /^https/; return ($secure ? '__Secure-' : '') . "$d->{CookiePrefix}.session_token" }

my $shared = do { my $u = user_of('nothing'); $u };    # every site has the same rows

sub check_site {
    my ($site) = @_;
    my $d = $sites{$site};
    my ($secret) = split / /, $d->{Secret};
    my $in = in($site, $shared);
    is($in->{status}, 200, 'BasePath, BaseURL: sign-in') or diag "$in->{status} $in->{body}";
    my $cookies = cookies($in);
    my $name = cookie_name($d);
    my $cached = $d->{CookieCache} ne 'off';
    is_deeply($cookies->{''}, [$name, $cached ? data_name($d) : ()], 'CookiePrefix, SecureCookies: the name') or return;
    is(cache_of($d, $cookies), $cached ? "$d->{CookieCache} " . $d->{CookieCacheVersion} =~ tr/"//dr : 'off', 'CookieCache, CookieCacheVersion');
    my $seconds = { '2h' => 7200, '3h' => 10800, '7d' => 604800 }->{ $d->{SessionExpiresIn} };
    is($cookies->{$name}{attributes}, "Max-Age=$seconds; Domain=$d->{CookieDomain}; Path=/; HttpOnly; " . ($name =~ /Secure/ ? 'Secure; ' : '') . 'SameSite=Lax',
        'SessionExpiresIn, CookieDomain: the attributes');
    is($cookies->{$name}{value}, signed($in->{json}{token}, $secret), 'Secret: the signature');
    is(in($site, $shared, origin => 'https://nowhere.example', cookie => 'a=b')->{status}, 403, 'a foreign origin');
    is(in($site, $shared, origin => $d->{TrustedOrigins}, cookie => 'a=b')->{status}, 200, 'TrustedOrigins');
    for my $other (grep { $_ ne $d->{TrustedOrigins} } $server{TrustedOrigins}, $host{TrustedOrigins}) {
        is(in($site, $shared, origin => $other, cookie => 'a=b')->{status}, 403, "TrustedOrigins: not $other");
    }
    for my $other (grep { $_ ne $d->{BaseURL} } $server{BaseURL}, $host{BaseURL}, $default{BaseURL}) {
        is(in($site, $shared, origin => $other, cookie => 'a=b')->{status}, 403, "BaseURL: not $other");
    }
    like(request($site, GET => "$d->{PagesPath}/sign-in")->{body}, $d->{PagesDir} =~ m{/(\w+)$} && qr/sign-in of the $1/, 'PagesPath, PagesDir');
    my ($min, $max) = split / /, $d->{PasswordLength};
    is(up($site, { password => substr 'Ab1-xyzw' x 32, 0, $min - 1 })->{json}{code}, 'PASSWORD_TOO_SHORT', "PasswordLength: less than $min");
    is(up($site, { password => substr 'Ab1-xyzw' x 32, 0, $max + 1 })->{json}{code}, 'PASSWORD_TOO_LONG', "PasswordLength: more than $max");
    my %user = (email => new_email(), password => substr 'Ab1-xyzw' x 32, 0, $min);
    my $up = up($site, \%user);
    is($up->{status}, 200, "SignUp, PasswordLength: $min") or diag "$up->{status} $up->{body}";
    is(!!$up->{json}{token}, $d->{AutoSignIn} eq 'on' && $d->{RequireEmailVerification} eq 'off', 'AutoSignIn');
    my $again = in($site, \%user);
    is($again->{status}, $d->{RequireEmailVerification} eq 'on' ? 403 : 200, 'RequireEmailVerification') or diag "$again->{status} $again->{body}";
    my ($hash) = map { $_->[0] } sql($NAME, "SELECT a.password FROM account a JOIN user u ON u.id = a.userId WHERE u.email = '$user{email}'");
    my $form = $d->{PasswordHash} eq 'scrypt' ? qr/^[0-9a-f]{32}:/ : do { my ($m, $t) = $d->{PasswordHash} =~ /m=(\d+) t=(\d+)/; qr/^\$argon2id\$v=19\$m=$m,t=$t,p=1\$/ };
    ok(($hash // '') =~ $form, 'PasswordHash') or diag 'it is of another form';
    # younger than the age it is left alone, older it is renewed
    my $age = { '30m' => 1800, '40m' => 2400, '1d' => 86400 }->{ $d->{SessionUpdateAge} };
    for my $old ($age - 300, $age + 300) {
        last if $age + 300 >= $seconds;    # it would be over before
        sql($NAME, sprintf q{UPDATE session SET updatedAt = '%s', expiresAt = '%s' WHERE token = '%s'}, moment($NAME, -$old), moment($NAME, $seconds - $old), $in->{json}{token});
        my $session = request($site, GET => "$d->{BasePath}/get-session", cookie => "$name=$cookies->{$name}{value}");
        ok($session->{json}, "SessionUpdateAge: a session of $old seconds is good");
        is(exists cookies($session)->{$name}, $old > $age, "SessionUpdateAge: " . ($old > $age ? 'it is renewed' : 'it is left alone'));
    }
}

for my $site ('nothing', 'everything', 'defaults', (sort grep { /^(?:only|default)-/ } keys %sites)) {
    subtest $site => sub { check_site($site) };
}

subtest 'sign-up closed inside' => sub {
    is(up('sign-up-off', {})->{status}, 400, 'by the API') or diag up('sign-up-off', {})->{body};
    is(request('sign-up-off', GET => "$server{PagesPath}/sign-up")->{status}, 404, 'its page is not there');
    my $form = request('sign-up-off', POST => "$server{PagesPath}/sign-up", origin => $server{BaseURL}, form => [name => 'x', email => 'closed@example.com', password => PASSWORD]);
    like($form->{status}, qr/^4\d\d$/, 'by the page');
    is(user_count($NAME, "email = 'closed\@example.com'"), 0, 'nothing is stored');
    is(in('sign-up-off', $shared)->{status}, 200, 'sign-in goes on');
};

subtest 'open inside, closed outside' => sub {
    my $two = 'merge-closed';
    my $open = BATest::Sites::vhost('opened', file => BATest::Sites::file($two), extra => "    BetterAuthSignUp on\n");
    my $other = private_httpd(name => $two, main => "BetterAuthSignUp off\nBetterAuthAutoSignIn off\n$open");
    is(post($two, '/sign-up/email', { name => 'x', email => new_email(), password => PASSWORD })->{status}, 400, 'the host that says nothing is closed');
    my $up = post('opened', '/sign-up/email', { name => 'x', email => new_email(), password => PASSWORD });
    is($up->{status}, 200, 'the one that says on is open');
    is($up->{json}{token}, undef, 'and what it does not say is still inherited');
};

subtest 'a list is replaced, not added to; twice in one place is one list' => sub {
    for my $origin (qw(https://one.example https://two.example https://three.example)) {
        is(in('origins-twice', $shared, origin => $origin, cookie => 'a=b')->{status}, 200, $origin);
    }
    is(in('origins-twice', $shared, origin => $server{TrustedOrigins}, cookie => 'a=b')->{status}, 403, 'what the server says is gone');
    is(in('nothing', $shared, origin => 'https://one.example', cookie => 'a=b')->{status}, 403, 'and nothing leaks into a neighbour');
    is(in('nothing', $shared, origin => $server{TrustedOrigins}, cookie => 'a=b')->{status}, 200, 'which has its own');
};

subtest 'rate limits' => sub {
    my $three = 'merge-limit';
    my $file = BATest::Sites::file($three);
    my $limits = sub { my ($name, $said) = @_; return BATest::Sites::vhost($name, file => $file =~ s{/site\.db$}{/$name/../site.db}r, limit => $said) };
    private_httpd(name => $three, limit => '', main => "BetterAuthRateLimitDefault 1m 4\nBetterAuthRateLimitRule /ok 1m 2\nBetterAuthRateLimitRule /error 1m 1\n"
        . $limits->('limit-default', "    BetterAuthRateLimitDefault 10 100\n")
        . $limits->('limit-rules', "    BetterAuthRateLimitRule /list-sessions 1m 3\n    BetterAuthRateLimitRule /list-accounts 1m 1\n")
        . $limits->('limit-off', "    BetterAuthRateLimit off\n")
        . $limits->('limit-nothing', ''));
    my %want = (    # how many of 8: ok, error, list-sessions, list-accounts
        $three          => '2 1 4 4',
        'limit-nothing' => '2 1 4 4',
        'limit-default' => '2 1 8 8',
        'limit-rules'   => '4 4 3 1',
        'limit-off'     => '8 8 8 8',
    );
    for my $site (sort keys %want) {
        # each has counters of its own: those of one database are shared, but the file has another name for each
        my @many = map { my $path = $_; scalar grep { request($site, GET => "/api/auth/$path")->{status} != 429 } 1 .. 8 } qw(ok error list-sessions list-accounts);
        is("@many", $want{$site}, $site);
    }
};

# --- Keys -------------------------------------------------------------------------------------------------------------------

subtest 'rotation' => sub {
    my $session = sub { my ($site, $token, $key) = @_; return request($site, GET => '/api/s/get-session', cookie => '__Secure-server.session_token=' . signed($token, $key)) };
    my $token = in('nothing', $shared)->{json}{token};
    my %good = (nothing => [1, 0], rotated => [1, 1], back => [1, 1], forgotten => [0, 1]);
    for my $site (sort keys %good) {
        for my $n (0, 1) {
            my $answer = $session->($site, $token, ($OLD, $NEW)[$n]);
            is(!!$answer->{json}, !!$good{$site}[$n], "$site: signed by the " . ($n ? 'new' : 'old') . ' key') or diag $answer->{body};
        }
        ok(!$session->($site, $token, $OTHER)->{json}, "$site: signed by a stranger's");
    }
    my $fresh = in('rotated', $shared);
    is(cookies($fresh)->{'__Secure-server.session_token'}{value}, signed($fresh->{json}{token}, $NEW), 'the first key signs');
    sql($NAME, sprintf q{UPDATE session SET updatedAt = '%s', expiresAt = '%s' WHERE token = '%s'}, moment($NAME, -3600), moment($NAME, 3600), $token);
    my $renewed = $session->('rotated', $token, $OLD);
    is(cookies($renewed)->{'__Secure-server.session_token'}{value}, signed($token, $NEW), 'a renewed cookie comes signed by it');
    my $out = request('rotated', POST => '/api/s/sign-out', json => {}, origin => $server{BaseURL}, cookie => '__Secure-server.session_token=' . signed($token, $OLD));
    is($out->{status}, 200, 'sign-out with a cookie of the old key');
    ok(!$session->('rotated', $token, $_)->{json}, 'ends it') for $OLD, $NEW;
};

subtest 'a cookie of one host is nothing at another' => sub {
    my $cookie = cookie_header(in('nothing', $shared));
    ok(request('nothing', GET => '/api/s/get-session', cookie => $cookie)->{json}, 'at home');
    ok(!request('only-Secret', GET => '/api/s/get-session', cookie => $cookie)->{json}, 'another key, the same rows and names: nobody');
    ok(!request($NAME, GET => '/api/auth/get-session', cookie => $cookie)->{json}, 'and at the third');
    is(request($NAME, GET => '/members/page.html', cookie => $cookie)->{status}, 401, 'nor does its guard open');
    ok(request('only-SignUp', GET => '/api/s/get-session', cookie => $cookie)->{json}, 'the same key: the same person');
    ok(!request('only-CookiePrefix', GET => '/api/s/get-session', cookie => $cookie)->{json}, 'the same key, another name: nobody');
    is(session_count($NAME, "token = '" . ($cookie =~ /=([^.]+)/)[0] . "'"), 1, 'and the session is left alone');
};

my @lines = log_lines($httpd->error_log);
is(scalar @lines, 0, 'the log knows no trouble') or diag join "\n", @lines;
done_testing;
