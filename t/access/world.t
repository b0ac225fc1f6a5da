#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The guard among httpd's other modules: virtual hosts of one port, merged sections, listings, variants, index files, rewriting,
# scripts that hand over, compression, ranges, 304, and expressions where an operator writes them.
use strict;
use warnings;
use utf8;
use BATest -own;
use BATest::Sites;
use File::Path qw(make_path);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my @NAVIGATION = ('Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', Accept => 'text/html');
my $state = BATest::state();
my $NAME = 'world';
my $tree = "$state->{workdir}/world-tree-" . flavour();
my $log = "$state->{workdir}/world-log-" . flavour();
my $GUARD = "AuthType Session\nAuthName World\nRequire valid-user\n";

sub file {
    my ($name, $text, $mode) = @_;
    make_path("$tree/$name" =~ s{/[^/]*$}{}r);
    open my $out, '>', "$tree/$name" or die "$name: $!";
    print {$out} $text;
    close $out;
    chmod $mode // 0644, "$tree/$name";
}

my $program = "#!/bin/sh\ncat >/dev/null\nprintf 'Content-Type: text/plain\\n\\n'\nenv\n";
file("merge/$_/who.cgi", $program, 0755) for qw(. and or off and/open);
file('closed/who.cgi', $program, 0755);
file('list/open.txt', "open\n");
file('list/secret.txt', "secret\n");
file('list/sub/x.txt', "x\n");
file('index/index.cgi', $program, 0755);
file('indexes/index.cgi', $program, 0755);
file("fpm-$_/index.fpm", "never read\n") for qw(open guarded);
file('fallback/none.txt', "none\n");
file('index-open/index.cgi', $program, 0755);
file('variants/page.html.en', "the page\n");
file('variants/map.var', "URI: map\n\nURI: page.html.en\nContent-Type: text/html\nContent-Language: en\n");
file('rewrite/.htaccess', "RewriteEngine on\nRewriteRule ^short\$ ../guarded/page.html [L]\nRewriteRule ^who\$ /guarded/who.cgi [L]\n");
file('guarded/page.html', "the guarded page " . 'x' x 4000 . "\n");
file('guarded/who.cgi', $program, 0755);
file('open/hand-over.cgi', "#!/bin/sh\nprintf 'Location: /w/guarded/page.html\\n\\n'\n", 0755);
file('open/thing.action', "never read\n");
file('open/parts.shtml', join '', map { "<!--#include virtual=\"$_\" -->\n" } '/guarded/echo', '/open/echo', '/w/open/who.cgi');
file('open/who.cgi', $program, 0755);
file('guarded/parts.shtml', "<!--#include virtual=\"/open/echo\" -->\n");
file('guarded/twice.shtml', "<!--#include virtual=\"/guarded/echo\" -->\n");
file('basic/parts.shtml', "<!--#echo var=\"REMOTE_USER\" -->\n<!--#include virtual=\"/optional/env\" -->\n");
file('expr/page.html', "a page\n");

my $config = <<"END";
    Alias "/w" "$tree"
    <Directory "$tree">
        Require all granted
        Options +ExecCGI +Includes +Indexes +FollowSymLinks
        AllowOverride FileInfo
        AddHandler cgi-script .cgi
        AddHandler type-map .var
        AddOutputFilter INCLUDES .shtml
        AddType text/html .shtml
        AddLanguage en .en
        DirectoryIndex disabled
    </Directory>
    <Location "/api/auth">
        SetInputFilter DEFLATE
        DeflateInflateRatioLimit 100000
        DeflateInflateRatioBurst 100000
    </Location>
    ProxyPassMatch "^/open/echo\$" "http://127.0.0.1:\@ECHO\@/open"
    <Directory "$tree/guarded">
        $GUARD
        SetOutputFilter INCLUDES;DEFLATE
        Header always set X-Always yes
    </Directory>
    <Directory "$tree/basic">
        AuthType Basic
        AuthName "Basic"
        AuthUserFile "\@ROOT\@/htpasswd"
        Require valid-user
    </Directory>
    <LocationMatch "^/page(?:/|\$)">
        SetHandler betterauth-pages
    </LocationMatch>
    RewriteRule "^/guarded/who\\.cgi\$" "/w/guarded/who.cgi" [PT]
    <Directory "$tree/merge">
        $GUARD
    </Directory>
    <Directory "$tree/merge/and">
        AuthMerging And
        Require user zoe\@example.com
    </Directory>
    <Directory "$tree/merge/and/open">
        AuthMerging And
        Require all granted
    </Directory>
    <Directory "$tree/merge/or">
        AuthMerging Or
        Require ip 127.0.0.1
    </Directory>
    <Directory "$tree/merge/off">
        Require user zoe\@example.com
    </Directory>
    <Directory "$tree/closed">
        $GUARD
        Satisfy all
        Order allow,deny
        Deny from all
    </Directory>
    <Directory "$tree/list">
        <FilesMatch "secret">
            $GUARD
        </FilesMatch>
    </Directory>
    <Directory "$tree/list/sub">
        $GUARD
    </Directory>
    <Directory "$tree/index">
        DirectoryIndex index.cgi
        <Files "index.cgi">
            $GUARD
        </Files>
    </Directory>
    <Directory "$tree/indexes">
        DirectoryIndex none.html index.cgi other.html
        <FilesMatch "\\.cgi\$">
            $GUARD
        </FilesMatch>
    </Directory>
    <FilesMatch "\\.fpm\$">
        SetHandler "proxy:http://127.0.0.1:\@ECHO\@/"
    </FilesMatch>
    <DirectoryMatch "/fpm-">
        DirectoryIndex index.fpm
    </DirectoryMatch>
    <Directory "$tree/fpm-guarded">
        <Files "index.fpm">
            $GUARD
        </Files>
    </Directory>
    <Directory "$tree/fallback">
        FallbackResource /w/fpm-guarded/index.fpm
    </Directory>
    <Directory "$tree/index-open">
        $GUARD
        DirectoryIndex index.cgi
        <Files "index.cgi">
            AuthType None
            Require all granted
        </Files>
    </Directory>
    <Directory "$tree/variants">
        Options +MultiViews
        <FilesMatch "\\.en\$">
            $GUARD
        </FilesMatch>
    </Directory>
    Action world-action "/w/guarded/who.cgi"
    <Directory "$tree/open">
        AddHandler world-action .action
    </Directory>
    <Directory "$tree/expr">
        AuthType Session
        AuthName World
        Require user nobody\@example.com
        ErrorDocument 403 "sorry %{BETTERAUTH:name}, you are %{BETTERAUTH_EMAIL}"
    </Directory>
    <Location "/optional/expr">
        ErrorDocument 404 "nothing for [%{BETTERAUTH:email}] or [%{REMOTE_USER}]"
    </Location>
    SetEnvIfExpr "%{BETTERAUTH:email} == 'zoe\@example.com'" IS_ZOE=yes
    <LocationMatch "/env\$">
        RequestHeader set X-From-Expr "expr=%{BETTERAUTH:email}"
    </LocationMatch>
    CustomLog "$log" "%U %{email}^BA %u" "expr=%{BETTERAUTH:email} != ''"
END

# --- Virtual hosts of one port ----------------------------------------------------------------------------------------------

my $PORT = free_port();
my %HOSTS = (    # one key and database each; two share the first database, two the first key
    'a.test' => { secret => 'the-key-of-a-0123456789abcdefghijklmno', db => 'a', url => 'http://a.test' },
    'b.test' => { secret => 'the-key-of-b-abcdefghijklmnopqrstuvwxy', db => 'b', url => 'https://b.test' },
    'ab.test' => { secret => 'the-key-of-b-abcdefghijklmnopqrstuvwxy', db => 'a', url => 'http://ab.test' },
    'aa.test' => { secret => 'the-key-of-a-0123456789abcdefghijklmno', db => 'b', url => 'http://aa.test:8443' },
);
my %TWINS = (    # one key and one address, two databases
    'twin-a.test' => { secret => 'the-key-of-twins-0123456789abcdefghij', db => 'a', url => 'http://twins.test' },
    'twin-b.test' => { secret => 'the-key-of-twins-0123456789abcdefghij', db => 'b', url => 'http://twins.test' },
);
my $dir = "$state->{workdir}/$NAME-" . flavour();
make_path($dir);
BATest::MariaDB::_pipe(BATest::_slurp(schema('sqlite3')), 'sqlite3', "$dir/host-$_.db") for qw(a b);

sub host {
    my ($name) = @_;
    my $h = $HOSTS{$name} || $TWINS{$name};
    return <<"END";
<VirtualHost 127.0.0.1:$PORT>
    ServerName $name
    DBDriver sqlite3
    DBDParams "$dir/host-$h->{db}.db"
    BetterAuthSecret $h->{secret}
    BetterAuthBaseURL $h->{url}
    BetterAuthRateLimit off
    BetterAuthCookieCache compact
    BetterAuthCookieCacheVersion $h->{db}
    <Location "/api/auth">
        SetHandler betterauth
    </Location>
    <Location "/auth">
        SetHandler betterauth-pages
    </Location>
    Alias "/w" "$tree"
    <Directory "$tree">
        Require all granted
        Options +ExecCGI
        AddHandler cgi-script .cgi
    </Directory>
    <Directory "$tree/guarded">
        $GUARD
    </Directory>
</VirtualHost>
END
}
$state->{flavours}{ flavour() }{sites}{hosts} = { port => $PORT, private => 1, dialect => 'sqlite', file => "$dir/host-a.db" };
my $main = "Listen 127.0.0.1:$PORT\n" . join '', map { host($_) } sort keys %HOSTS, keys %TWINS;

# How paths are read: each is one more way to write a guarded one.
my %PATHS = (usual => '', merged => "    MergeSlashes Off\n", encoded => "    AllowEncodedSlashes On\n", kept => "    AllowEncodedSlashes NoDecode\n");
my $located = "    Alias \"/w\" \"$tree\"\n    <Directory \"$tree\">\n        Require all granted\n        Options +ExecCGI\n        AddHandler cgi-script .cgi\n    </Directory>\n"
    . "    <Directory \"$tree/guarded\">\n        $GUARD\n    </Directory>\n    MergeTrailers on\n";
$main .= join '', map { BATest::Sites::vhost("paths-$_", file => "$dir/host-a.db", extra => $located . $PATHS{$_}) } sort keys %PATHS;

my $database = 'world_' . flavour();
mariadb()->create($database, schema('mysql'));
my $httpd = private_httpd(name => $NAME, mariadb => mariadb(), database => $database, extra => $config, main => BATest::Sites::load(qw(filter deflate negotiation)) . $main);
my $zoe = sign_up($NAME, email => 'zoe@example.com', name => "Zo\x{eb}");
my $bob = sign_up($NAME, email => 'bob@example.com', name => 'Bob');

sub get { my ($path, $user, @headers) = @_; return request($NAME, GET => $path, headers => \@headers, $user ? (cookie => $user->{cookie}) : ()) }
sub env { my ($answer) = @_; return { map { split /=/, $_, 2 } grep { /=/ } split /\n/, $answer->{body} } }
sub statuses { my ($path, @headers) = @_; return join ' ', map { get($path, $_, @headers)->{status} } undef, $bob, $zoe }

subtest 'virtual hosts: keys, databases and addresses of their own' => sub {
    my %in;
    for my $name (sort keys %HOSTS) {
        my $up = request('hosts', POST => '/api/auth/sign-up/email', host => $name, origin => $HOSTS{$name}{url},
            json => { name => $name, email => "me\@$name.example", password => PASSWORD });
        is($up->{status}, 200, "$name: sign-up from its own address") or diag $up->{body};
        $in{$name} = { cookie => cookie_header($up), token => $up->{json}{token} };
        like($in{$name}{cookie}, $HOSTS{$name}{url} =~ /^https/ ? qr/^__Secure-better/ : qr/^better/, "$name: TLS in front makes its cookie secure, and no other's");
        for my $other (grep { $_ ne $name } sort keys %HOSTS) {
            my $foreign = request('hosts', POST => '/api/auth/sign-in/email', host => $name, origin => $HOSTS{$other}{url}, cookie => 'a=b',
                json => { email => "me\@$name.example", password => PASSWORD });
            is($foreign->{status}, 403, "$name: not from $other");
        }
    }
    for my $name (sort keys %HOSTS) {
        for my $from (sort keys %HOSTS) {
            # whatever the cookies are called there; the second says by itself who it is
            my $cookie = join '; ', map { my $prefix = $_; map { $prefix . s/^__Secure-//r } split /; /, $in{$from}{cookie} } '', '__Secure-';
            like($cookie, qr/better-auth\.session_data=\w/, "$from: two cookies");
            my $ours = $HOSTS{$name}{secret} eq $HOSTS{$from}{secret} && $HOSTS{$name}{db} eq $HOSTS{$from}{db};
            my $page = request('hosts', GET => '/w/guarded/who.cgi', host => $name, cookie => $cookie);
            is($page->{status}, $ours ? 200 : 401, "a session of $from at $name");
            is(env($page)->{REMOTE_USER}, "me\@$from.example", 'is that person') if $ours;
            is(request('hosts', GET => '/api/auth/get-session', host => $name, cookie => $cookie)->{body} eq 'null', !$ours, 'and the API agrees');
        }
        is(header(request('hosts', GET => '/w/guarded/page.html', host => $name, headers => \@NAVIGATION), 'location'),
            '/auth/sign-in?callbackURL=%2Fw%2Fguarded%2Fpage.html', "$name: sign-in is its own");
    }
    is(request('hosts', GET => '/w/guarded/page.html', host => 'unknown.test', cookie => $in{'b.test'}{cookie})->{status}, 401, 'an unknown name is the first host, and no other');
};

subtest 'virtual hosts: one key, one address, two databases' => sub {
    my $up = request('hosts', POST => '/api/auth/sign-up/email', host => 'twin-a.test', origin => 'http://twins.test', json => { name => 'A', email => 'a@twins.example', password => PASSWORD });
    my $cookie = (split /; /, cookie_header($up))[0];
    my $get = sub { return request('hosts', GET => '/w/guarded/who.cgi', host => $_[0], cookie => $cookie)->{status} };
    is($get->('twin-a.test'), 200, 'its session is known, and in the cache of sessions') for 1, 2;
    is($get->('twin-b.test'), 401, 'where the other does not find it');
};

subtest 'merged sections' => sub {
    is(statuses("/w/merge/$_->[0]who.cgi"), $_->[1], "AuthMerging $_->[2]") for ['', '401 200 200', 'of nothing'], ['and/', '401 403 200', 'And'],
        ['and/open/', '401 403 200', 'And, all granted: opens nothing'], ['or/', '200 200 200', 'Or'], ['off/', '401 403 200', 'Off'];
    is(env(get('/w/merge/or/who.cgi', $bob))->{REMOTE_USER}, 'bob@example.com', 'who is let in as anybody is known all the same');
    is(statuses('/w/closed/who.cgi'), '403 403 403', 'Satisfy all, Deny from all');
};

subtest 'pages of ours elsewhere' => sub {
    expect_log('BA0144');
    is(get($_)->{status}, 500, "$_: are not served") for '/page', '/page/sign-in';
    is(get('/auth')->{status}, 303, 'where they are, their folder leads to one');
};

subtest 'mod_headers' => sub {
    is(header(get('/w/guarded/page.html', $_->[0], @{ $_->[1] }), 'x-always'), 'yes', "Header always, $_->[2]") for
        [undef, [], 'a refusal'], [undef, \@NAVIGATION, 'a redirect'], [$bob, [], 'a page'];
    my $preflight = request($NAME, OPTIONS => '/w/guarded/page.html', headers => [Origin => 'https://app.example', 'Access-Control-Request-Method' => 'PUT']);
    is("$preflight->{status} " . header($preflight, 'x-always'), '204 yes', 'Header always, a preflight');
};

subtest 'mod_autoindex shows what one may see' => sub {
    my %seen = map { $_->[0] => get('/w/list/', $_->[1])->{body} } ['nobody'], ['bob', $bob];
    like($seen{nobody}, qr/open\.txt/, 'a public file');
    unlike($seen{nobody}, qr/secret|sub/, 'nothing guarded to a stranger');
    like($seen{bob}, qr/open\.txt.*secret\.txt/s, 'all of it to a user');
    like(header(get('/w/list/', $bob), 'cache-control') // '-', qr/./, 'the listing says how it may be kept');
    is(statuses('/w/list/secret.txt'), '401 200 200', 'and the file itself');
};

subtest 'mod_dir and an index that is guarded' => sub {
    for my $folder ('index', 'indexes') {
        is(statuses("/w/$folder/"), '401 200 200', $folder);
        my $told = env(get("/w/$folder/", $zoe));
        is($told->{$_}, 'zoe@example.com', "$folder: $_") for qw(REMOTE_USER BETTERAUTH_EMAIL HTTP_X_AUTH_EMAIL);
        unlike(get("/w/$folder/", undef)->{body}, qr/SERVER_NAME/, "$folder: nothing ran for a stranger");
        like(header(get("/w/$folder/", $zoe), 'cache-control') // '', qr/private/, "$folder: private");
        my $person = get("/w/$folder/", undef, 'Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', Accept => 'text/html');
        is("$person->{status} " . (header($person, 'location') // '-'), "302 " . ORIGIN . "/auth/sign-in?callbackURL=%2Fw%2F$folder%2F", "$folder: a person goes to sign-in");
        is(join(', ', headers($person, 'cache-control')), 'no-store', "$folder: and no cache keeps that");
        my $program = get("/w/$folder/", undef, Accept => 'application/json');
        is($program->{status}, 401, "$folder: a program does not");
    }
    my $other = get('/w/index/', undef, Accept => 'application/json', Origin => 'https://app.example');
    is(header($other, 'access-control-allow-origin'), 'https://app.example', "a trusted origin's script can read the refusal");
    # as PHP-FPM is set up
    for my $where (['open', 0], ['guarded', 1]) {
        my ($folder, $guarded) = @$where;
        for my $path ("/w/fpm-$folder/index.fpm", "/w/fpm-$folder/", $guarded ? '/w/fallback/any/thing' : ()) {
            my $answer = request($NAME, GET => $path, cookie => "theirs=1; $zoe->{cookie}");
            my %told = @{ $answer->{json}{headers} || [] };
            is($told{Cookie}, 'theirs=1', "$path: a back end that is an index gets no cookie of ours");
            is($told{'X-Auth-Email'}, $guarded ? 'zoe@example.com' : undef, "$path: is told who, where that is guarded");
        }
    }
    is(request($NAME, GET => $_)->{status}, 401, "$_: not for nobody") for '/w/fpm-guarded/', '/w/fallback/any/thing';
    is(env(get('/w/index-open/', $zoe))->{$_}, undef, "an open index of a guarded folder: no $_") for qw(BETTERAUTH_EMAIL HTTP_X_AUTH_EMAIL);
};

subtest 'mod_negotiation and variants that are guarded' => sub {
    for my $path ('/w/variants/page', '/w/variants/page.html', '/w/variants/map.var') {
        my @answers = map { get($path, $_, Accept => 'text/html') } undef, $bob;
        like($answers[0]{status}, qr/^(?:302|40[146])$/, "$path: nobody");
        unlike($answers[0]{body}, qr/the page/, "$path: is told nothing");
        is("$answers[1]{status} $answers[1]{body}", "200 the page\n", "$path: a user");
        like(header($answers[1], 'cache-control') // '', qr/private/, "$path: private");
    }
};

subtest 'requests that become others' => sub {
    is(statuses('/w/rewrite/short'), '401 200 200', 'mod_rewrite in .htaccess, to a file');
    is(statuses('/w/rewrite/who'), '401 200 200', 'to another address');
    is(env(get('/w/rewrite/who', $zoe))->{BETTERAUTH_EMAIL}, 'zoe@example.com', 'which is told who');
    is(statuses('/w/open/hand-over.cgi'), '401 200 200', 'a script that hands over');
    like(get('/w/open/hand-over.cgi', $zoe)->{body}, qr/the guarded page/, 'is followed');
    is(header(get('/w/open/hand-over.cgi', undef, @NAVIGATION), 'location'), '/auth/sign-in?callbackURL=%2Fw%2Fopen%2Fhand-over.cgi', 'a person comes back to what they asked for');
    is(statuses('/w/open/thing.action'), '401 200 200', 'mod_actions');
    is(env(get('/w/open/thing.action', $zoe))->{REMOTE_USER}, 'zoe@example.com', 'whose program is told who');
};

subtest 'parts of a page' => sub {
    my $page = request($NAME, GET => '/w/open/parts.shtml', cookie => "theirs=1; $zoe->{cookie}", headers => ['X-Auth-Email' => 'evil@example.com']);
    my ($guarded, $open) = map { s/\s+$//r } grep { /"backend"/ } split /\n/, $page->{body};
    like($guarded // '', qr/zoe\@example\.com/, 'a guarded back end is told who');
    unlike($open // '-', qr/zoe|x-auth/i, 'an open one on the same page is not');
    unlike("$guarded$open", qr/session_token|evil\@/, 'neither gets the cookie');
    my $told = env($page);
    is($told->{HTTP_COOKIE}, "theirs=1; $zoe->{cookie}", 'a program after them gets its cookies whole');
    is($told->{HTTP_X_AUTH_EMAIL}, undef, 'and no identity, where nothing is guarded');
    unlike(get('/w/guarded/parts.shtml', $zoe)->{body}, qr/zoe\@example|x-auth/i, 'an open back end within a guarded page is told nothing');
    is(scalar(() = get('/w/guarded/twice.shtml', $zoe)->{body} =~ /"X-Auth-Email"/g), 1, 'a guarded one is told once');
    my $mixed = get('/w/basic/parts.shtml', undef, @{ basic('alice@example.com', 'basic-password') });
    like($mixed->{body}, qr/^alice\@example\.com\n\{.*"SCRIPT_NAME"/, 'a page of who sent a password');
    unlike($mixed->{body}, qr/"REMOTE_USER"/, 'within which sessions are asked for: nobody');
};

subtest 'mod_deflate, ranges, 304' => sub {
    my $plain = get('/w/guarded/page.html', $zoe);
    my $packed = get('/w/guarded/page.html', $zoe, 'Accept-Encoding' => 'gzip');
    is(header($packed, 'content-encoding'), 'gzip', 'compressed');
    cmp_ok(length $packed->{body}, '<', length($plain->{body}) / 2, 'indeed');
    like(header($packed, 'cache-control'), qr/private/, 'private');
    like(join(',', headers($packed, 'vary')), qr/$_/i, "varies by $_") for qw(Cookie Accept-Encoding);
    my $refused = get('/w/guarded/page.html', undef, 'Accept-Encoding' => 'gzip');
    is($refused->{json}{code}, 'UNAUTHORIZED', 'a refusal can be read all the same');

    my $page = get('/members/page.html', $zoe);
    my $etag = header($page, 'etag');
    my $part = get('/members/page.html', $zoe, Range => 'bytes=2-5');
    is("$part->{status} $part->{body}", '206 ' . substr($page->{body}, 2, 4), 'a range');
    like(header($part, 'cache-control'), qr/private/, 'private too');
    is(get('/members/page.html', $zoe, Range => 'bytes=0-1', 'If-Range' => $etag)->{status}, 206, 'If-Range');
    for my $headers ([Range => 'bytes=2-5'], ['If-None-Match' => $etag], ['If-None-Match' => '*'], ['If-Match' => '"x"'], ['If-Modified-Since' => 'Fri, 01 Jan 2094 00:00:00 GMT'], [Range => 'bytes=99999-']) {
        is(get('/members/page.html', undef, @$headers)->{status}, 401, "nobody: $headers->[0] tells nothing");
    }
    for my $row (['304', 'If-None-Match' => $etag], ['206', Range => 'bytes=0-3'], ['412', 'If-Match' => '"x"']) {
        my ($status, @headers) = @$row;
        sql($NAME, sprintf q{UPDATE session SET updatedAt = '%s', expiresAt = '%s' WHERE token = '%s'}, moment($NAME, -2 * 86400), moment($NAME, 5 * 86400), $zoe->{token});
        my $answer = get('/members/page.html', $zoe, @headers);
        is($answer->{status}, $status, "a session that is due, $status");
        like((headers($answer, 'set-cookie'))[0] // '', qr/^better-auth\.session_token=.*Max-Age=604800/, "$status brings the renewed cookie");
        is(scalar headers($answer, 'set-cookie'), 1, "$status: once");
        like(header($answer, 'cache-control') // '', qr/private|no-store/, "$status: for nobody else");
    }
};

subtest 'mod_deflate, bodies' => sub {
    require Compress::Zlib;
    my $in = sub { my ($json) = @_; return request($NAME, POST => '/api/auth/sign-in/email', body => Compress::Zlib::memGzip($json), origin => ORIGIN, headers => ['Content-Type' => 'application/json', 'Content-Encoding' => 'gzip']) };
    is($in->(JSON::PP->new->encode({ email => 'zoe@example.com', password => PASSWORD }))->{status}, 200, 'a packed body is read, where the operator unpacks');
    for my $size (70_000, 30_000_000) {
        my $packed = $in->('{"email":"' . ' ' x $size . '"}');
        is($packed->{status}, 413, "what is $size bytes unpacked is too large");
    }
};

subtest 'other ways to write a path' => sub {
    for my $site (map { "paths-$_" } sort keys %PATHS) {
        my $in = sign_up($site, email => "me\@$site.example");
        is(request($site, GET => '/w/guarded/page.html', cookie => $in->{cookie})->{status}, 200, "$site: a user");
        for my $path (map { my $w = $_; map { s/W/$w/r } '/W/page.html', '//W/page.html', '/./W/page.html', '/x/../W/page.html', '/x/%2e%2e/W/page.html', '/x/.%2e/W/page.html',
            '/W//page.html', '/W%2fpage.html', '/W%2Fpage.html', '/W%5cpage.html', '/W%252fpage.html', '/W/page.html%00', '/W/page.html%0a', '/%0a/W/page.html', '/W/page.html;x=y',
            '/W;x/page.html', '/x/..;/W/page.html', '/W/page.html/', '/W/page.html/more', '/W/page.html%3f', '/W/page.html?', '/W/who.cgi/more', '/W/who.cgi%2fmore', '/W/%c0%ae/page.html',
            'http://auth.test/W/page.html', 'http://auth.test//W/page.html', '//auth.test/W/page.html', '/W/page.html%20', '/W/page.html.', '/W/PAGE.html' } 'w/guarded', 'w//guarded', 'w/%67uarded', 'w/./guarded') {
            my $answer = request($site, GET => $path);
            unlike("$answer->{status} $answer->{body}", qr/^[23]|the guarded page|SERVER_NAME/, "$site: $path");
        }
        for my $row ([CONNECT => 'auth.test:80'], [CONNECT => '/w/guarded/page.html'], [OPTIONS => '*'], [GET => '*'], [GET => 'w/guarded/page.html'], [PROPFIND => '/w/guarded/page.html'], [MADEUP => '/w/guarded/page.html']) {
            my $answer = request($site, @$row);
            unlike($answer ? $answer->{body} : '', qr/the guarded page/, "$site: @$row");
        }
    }
};

subtest 'trailers name nobody' => sub {
    for my $path ('/w/guarded/who.cgi', '/not-guarded/echo', '/optional/echo', '/guarded/echo', '/optional/env') {
        my $in = request('paths-usual', POST => '/api/auth/sign-in/email', json => { email => 'me@paths-usual.example', password => PASSWORD }, origin => ORIGIN);
        my $answer = request('paths-usual', POST => $path, cookie => cookie_header($in),
            headers => ['Transfer-Encoding' => 'chunked', Trailer => 'X-Auth-Email'], tail => "3\r\na=1\r\n0\r\nX-Auth-Email: evil\@example.com\r\nX-Forwarded-User: evil\r\n\r\n");
        is($answer->{status}, 200, "$path: is reached");
        unlike($answer->{body}, qr/evil(?:\@|["\n])/, "$path: is told nothing by the end of a body");
    }
};

subtest 'expressions' => sub {
    my $sorry = get('/w/expr/page.html', $zoe);
    utf8::decode($sorry->{body});
    is("$sorry->{status} $sorry->{body}", "403 sorry Zo\x{eb}, you are zoe\@example.com", 'ErrorDocument');
    is(get('/optional/expr', $zoe)->{body}, 'nothing for [zoe@example.com] or [zoe@example.com]', 'of an optional place');
    is(get('/optional/expr', undef, 'X-Auth-Email' => 'evil@example.com')->{body}, 'nothing for [] or []', 'for nobody');
    is(get('/optional/env', $zoe)->{json}{IS_ZOE}, 'yes', 'SetEnvIfExpr');
    is(get('/optional/env', $bob)->{json}{IS_ZOE}, undef, 'which knows who is who');
    is(get('/optional/env', $bob)->{json}{HTTP_X_FROM_EXPR}, 'bob@example.com', 'RequestHeader');
    is(get('/not-guarded/env', $bob)->{json}{HTTP_X_FROM_EXPR}, 'bob@example.com', 'where nothing is guarded too');
    is(get('/not-guarded/env', undef)->{json}{HTTP_X_FROM_EXPR} // '', '', 'nobody');
};

$httpd->stop;
my %logged;
$logged{$_}++ for split /\n/, BATest::_slurp($log);
ok($logged{"/w/guarded/page.html zoe\@example.com zoe\@example.com"}, 'CustomLog with a condition: who is known');
is_deeply([grep { /UNKNOWN| - / } keys %logged], [], 'and nobody else');
my @lines = grep { !/\bAH0(?:1630|1797|1276|0687|1275)\b|subrequest setup returned 401|BA0144/ } log_lines($httpd->error_log);
is(scalar @lines, 0, 'the log knows no trouble') or diag @lines;
done_testing;
