#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Smaller options: what a virtual host says wins over the server, what it does not say is inherited, and each is seen from outside.
use strict;
use warnings;
use BATest -own;
use BATest::Sites;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $NAME = 'options';
my $FILE = BATest::Sites::file($NAME);

# name => [the server's, a virtual host's, the default; what each shows in see()]
my %options = (
    Bearer                => ['on', 'signed', 'off', 'bare signed', 'signed', ''],
    DisablePath           => ['/ok', '/list-accounts', undef, '/ok', '/list-accounts'],
    ErrorURL              => ['/sorry', 'https://host.example/e?x=y#z', undef, '/sorry?error=UNKNOWN', 'https://host.example/e?x=y&error=UNKNOWN#z'],
    EmailPassword         => ['off', 'on', 'on', 'EMAIL_PASSWORD_DISABLED 403', 'INVALID_EMAIL_OR_PASSWORD 200', 'INVALID_EMAIL_OR_PASSWORD 200'],
    SessionRefresh        => ['post', 'off', 'on', 'false false', '- -', 'true -'],
    SessionMaxLifetime    => ['1h', '2h', 'off', 'null', 'null', 'session'],
    UnlinkAll             => ['on', 'off', 'off', 'ACCOUNT_NOT_FOUND', 'FAILED_TO_UNLINK_LAST_ACCOUNT', 'FAILED_TO_UNLINK_LAST_ACCOUNT'],
    CookieAttributes      => ['SameSite=Strict Path=/a', 'Path=/', 'SameSite=Lax Path=/', 'Path=/a; HttpOnly; SameSite=Strict', 'Path=/; HttpOnly; SameSite=Lax', 'Path=/; HttpOnly; SameSite=Lax'],
    IPTracking            => ['off', 'on', 'on', '<>', '<127.0.0.1>', '<127.0.0.1>'],
    SkipTrailingSlash     => ['on', 'off', 'off', 200, 404, 404],
    GenerateID            => ['uuid', 'random', 'random', 36, 32, 32],
    Admin                 => ['on', 'off', 'off', 'roles', 'none', 'none'],
    Languages             => ['de en', 'fr', 'en de fr es zh ar', 'de 2', 'fr 0', 'en 6'],
    Brand                 => ['help /server', 'help /host', undef, '/server', '/host'],
    PasswordBlockList     => ["$FILE.server", "$FILE.host", undef, 'PASSWORD_COMPROMISED -', '- PASSWORD_COMPROMISED'],
    AppName               => ['Server & Co.', "H\xc3\xb6st", undef, 'Server &amp; Co.', "H\xf6st"],
);
require File::Path;
File::Path::make_path($FILE =~ s{/[^/]*$}{}r);
for my $of (qw(server host other)) { open my $out, '>', "$FILE.$of" or die "$FILE.$of: $!"; print {$out} "something\n\u$of password\n" }
my @ALL = sort keys %options;
# said where another directive is looked at
sub other { my ($name) = @_; return { DisablePath => '/nothing', Brand => 'terms /terms', PasswordBlockList => "$FILE.other" }->{$name} // '/' }
sub line { my ($name, $value) = @_; return qq{BetterAuth$name } . ($name eq 'AppName' ? qq{"$value"} : $value) . "\n" }

my $DB = "DBDriver sqlite3\nDBDParams \"$FILE\"\nBetterAuthSecret @{[SECRET]}\nBetterAuthBaseURL @{[ORIGIN]}\nBetterAuthTrustedOrigins https://app.example\n";
my $mounts = qq{<Location "/api/auth">\nSetHandler betterauth\n</Location>\n<Location "/auth">\nSetHandler betterauth-pages\n</Location>\n};
# What is looked at must not be in the way of what is looked at next: each virtual host says all but one as by default.
sub host {
    my ($name, $of, $value) = @_;
    my $rest = join '', map { line($_, $options{$_}[2] // other($_)) } grep { $_ ne $of } @ALL;
    return BATest::Sites::vhost($name, file => $FILE, bare => 1, extra => $mounts . $rest . (defined $value ? line($of, $value) : ''));
}

my $main = $DB . "BetterAuthRateLimit off\nBetterAuthSessionCache off\n" . join('', map { line($_, $options{$_}[0]) } @ALL)
    . join '', map { my $o = $_; (host("inherits-$o", $o), host("says-$o", $o, $options{$o}[1]), defined $options{$o}[2] ? host("default-$o", $o, $options{$o}[2]) : ()) } @ALL;
private_httpd(name => $NAME, main => $main, extra => join '', map { line($_, $options{$_}[2] // other($_)) } @ALL);

my $user = sign_up($NAME);
my $tell = sub { return (split /=/, $user->{cookie}, 2)[1] };
sub get { my ($site, $path, %o) = @_; return request($site, GET => "/api/auth$path", cookie => $user->{cookie}, %o) }
sub in { my ($site, %more) = @_; return post($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD, %more }) }

my %see = (
    Bearer => sub { my ($s) = @_; return join ' ', grep { request($s, GET => '/api/auth/get-session', headers => [Authorization => 'Bearer ' . ($_ eq 'bare' ? $user->{token} : $tell->())])->{json} } qw(bare signed) },
    DisablePath => sub { my ($s) = @_; return join ' ', grep { get($s, $_)->{status} == 404 } qw(/ok /list-accounts) },
    ErrorURL => sub { my ($s) = @_; return header(get($s, '/error'), 'location') },
    EmailPassword => sub { my ($s) = @_; return in($s, password => 'wrong horse battery')->{json}{code} . ' ' . request($s, GET => '/auth/sign-in')->{status} },
    SessionRefresh => sub {
        my ($s) = @_;
        my $said = sub { my $j = get($s, '/get-session')->{json}; return !exists $j->{needsRefresh} ? '-' : $j->{needsRefresh} ? 'true' : 'false' };
        my $young = $said->();
        my $before = (sql($NAME, "SELECT expiresAt FROM session WHERE token = '$user->{token}'"))[0][0];
        sql($NAME, "UPDATE session SET expiresAt = '" . soon() . "' WHERE token = '$user->{token}'");
        my $due = $said->();
        my $moved = (sql($NAME, "SELECT expiresAt FROM session WHERE token = '$user->{token}'"))[0][0] ne soon();
        sql($NAME, "UPDATE session SET expiresAt = '$before' WHERE token = '$user->{token}'");
        is($due, 'true', 'what is due is said') if $young eq 'false';
        return ($moved ? 'true' : $young) . " $young";
    },
    SessionMaxLifetime => sub {
        my ($s) = @_;
        my $old = in($NAME);
        sql($NAME, "UPDATE session SET createdAt = '2020-01-01T00:00:00.000Z' WHERE token = '$old->{json}{token}'");
        my $body = request($s, GET => '/api/auth/get-session', cookie => cookie_header($old))->{body};
        return $body eq 'null' ? $body : 'session';
    },
    UnlinkAll => sub { my ($s) = @_; return post($s, '/unlink-account', { accountId => 'x' }, cookie => $user->{cookie})->{json}{code} },
    CookieAttributes => sub { my ($s) = @_; my $a = in($s, rememberMe => JSON::PP::false); return cookies($a)->{'better-auth.session_token'}{attributes} },
    IPTracking => sub { my ($s) = @_; my $t = in($s)->{json}{token}; return (sql($NAME, "SELECT '<' || ipAddress || '>' FROM session WHERE token = '$t'"))[0][0] },
    SkipTrailingSlash => sub { my ($s) = @_; return get($s, '/get-session/')->{status} },
    GenerateID => sub { my ($s) = @_; my $t = in($s)->{json}{token}; return length((sql($NAME, "SELECT id FROM session WHERE token = '$t'"))[0][0]) },
    Admin => sub { my ($s) = @_; my $json = get($s, '/get-session')->{json}; return exists $json->{user}{role} && exists $json->{session}{impersonatedBy} ? 'roles' : 'none' },
    Languages => sub { my ($s) = @_; my $page = request($s, GET => '/auth/sign-in')->{body}; my ($lang) = $page =~ /<html lang="(\w+)"/; return "$lang " . (() = $page =~ /name="language" value=/g) },
    PasswordBlockList => sub { my ($s) = @_; return join ' ', map { my $a = post($s, '/change-password', { currentPassword => 'wrong horse battery', newPassword => $_ }, cookie => $user->{cookie}); $a->{json}{code} eq 'INVALID_PASSWORD' ? '-' : $a->{json}{code} } 'Server Password', 'host password' },
    Brand => sub { my ($s) = @_; return request($s, GET => '/auth/sign-in')->{body} =~ m{<a href="(/(?:server|host))">} ? $1 : '-' },
    AppName => sub { my ($s) = @_; my $page = request($s, GET => '/auth/sign-in')->{body}; utf8::decode($page); return $page =~ m{<title>Sign in \S+ (.*?)</title>} ? $1 : $page },
);
my $soon;
sub soon { return $soon //= moment($NAME, 86400) }

for my $name (@ALL) {
    my ($server, $host, $default, @shows) = @{ $options{$name} };
    subtest $name => sub {
        is($see{$name}->("inherits-$name"), $shows[0], 'inherited');
        is($see{$name}->("says-$name"), $shows[1], 'said inside');
        is($see{$name}->("default-$name"), $shows[2], 'the default, said on purpose') if defined $default;
    };
}

subtest 'no name of its own' => sub {
    my $two = 'options-unnamed';
    private_httpd(name => $two);
    like(request($two, GET => '/auth/sign-in')->{body}, qr{<title>Sign in \S+ auth\.test</title>}, 'the host of the base URL');
    is(header(request($two, GET => '/api/auth/error?error=x'), 'location'), '/?error=x', 'errors lead to the front page');
};

subtest 'refused' => sub {
    my %bad = (
        Bearer => ['yes', ''], ErrorURL => ['sorry', '//evil.example', 'javascript:x', 'https://u@x.example', '"/a b\\c"', '/%2f'], EmailPassword => ['auto'], SessionRefresh => ['get'],
        SessionMaxLifetime => ['0', '59', '-1', 'never', '401d'], MaxSessionsPerUser => ['0', '-1', 'x', '3x', '10001', '3 4'], UnlinkAll => ['x'],
        CookieAttributes => ['Lax', 'SameSite=Never', 'Path=', 'Path=a', '"Path=/;Secure"', 'Secure', 'HttpOnly', 'Domain=x', 'SameSite=Lax SameSite=Lax SameSite=Lax Path=/'],
        IPv6Subnet => ['0', '63', '129', '064', '/64'], IPTracking => ['x'], SkipTrailingSlash => ['x'], GenerateID => ['serial', 'false'], Languages => ['', 'EN', 'e', 'de_AT', '../en', 'en/x'], Brand => ['logo', 'logo https://x.example/l.svg', 'logo //x', 'style x.css', 'color blue', 'color #12345', 'color #1234567', 'color #12345g', 'terms javascript:x', 'motto x', ''], AppName => ['""', "\"a\tb\"", '"' . 'x' x 121 . '"'],
    );
    for my $name (sort keys %bad) {
        for my $value (@{ $bad{$name} }) {
            my ($status, $output) = configtest("BetterAuth$name $value\n");
            ok($status && $output =~ /BetterAuth$name (?:must|takes)/, "BetterAuth$name $value") or diag $output;
        }
        my ($status, $output) = configtest("<Directory \"/srv\">\nBetterAuth$name off\n</Directory>\n");
        like($output, qr/not allowed|cannot occur/, "BetterAuth$name in a directory");
    }
};

subtest 'cookies that browsers would refuse' => sub {
    my $site = sub { my ($url, @lines) = @_; return "DBDriver sqlite3\nDBDParams /nonexistent/auth.db\nTraceEnable off\nBetterAuthSecret @{[SECRET]}\nBetterAuthBaseURL $url\n" . join('', map { "$_\n" } @lines) . $mounts };
    for my $attribute ('SameSite=None', 'Partitioned') {
        my ($status, $output) = configtest($site->('http://a.test', "BetterAuthCookieAttributes $attribute"));
        ok($status && $output =~ /BA0129: .*browsers take cookies/, "$attribute over http is refused") or diag $output;
        ($status, $output) = configtest($site->('https://a.test', "BetterAuthCookieAttributes $attribute", 'BetterAuthSecureCookies off'));
        ok($status && $output =~ /BA0129/, "$attribute without Secure is refused") or diag $output;
        ($status, $output) = configtest($site->('https://a.test', "BetterAuthCookieAttributes $attribute"));
        is($status, 0, "$attribute over https is taken") or diag $output;
        ($status, $output) = configtest($site->('http://a.test', "BetterAuthCookieAttributes $attribute", 'BetterAuthSecureCookies on'));
        is($status, 0, "$attribute with Secure, said by hand, is taken") or diag $output;
    }
};

done_testing;
