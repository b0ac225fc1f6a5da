# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Matrix;

# The tables of t/access/matrix.t, and what a reader of the documentation would expect of each combination. Nothing here
# was recorded from an answer. The configuration of the server is made of the same tables.

use strict;
use warnings;
use BATest::Sites;

# --- Places: who comes in ----------------------------------------------------------------------------------------------

# opens: the rule below that decides. anonymous: BetterAuthUnauthenticated. lines: what stands in the section.
# by: location, directory, htaccess; guarded: 0 = no AuthType Session. documents: an operator's own for 401 and 403.
# compat: mod_access_compat lets everybody in before anybody is asked.
our %PLACES = (
    open       => { guarded => 0, opens => 'everybody', lines => 'Require all granted' },
    location   => { opens => 'users', lines => 'Require valid-user' },
    directory  => { opens => 'users', lines => 'Require valid-user', by => 'directory' },
    htaccess   => { opens => 'users', lines => 'Require valid-user', by => 'htaccess' },
    optional   => { opens => 'everybody', anonymous => 'pass', lines => 'Require all granted' },
    granted    => { opens => 'everybody', lines => 'Require all granted' },
    'pass-user' => { opens => 'users', anonymous => 'pass', lines => 'Require valid-user' },
    'only-401' => { opens => 'users', anonymous => '401', lines => 'Require valid-user' },
    redirect   => { opens => 'users', anonymous => 'redirect', lines => 'Require valid-user' },
    alice      => { opens => 'alice', lines => 'Require user alice@staff.example' },
    verified   => { opens => 'verified', lines => 'Require betterauth email-verified' },
    staff      => { opens => 'alice', lines => 'Require betterauth email *@staff.example' },
    fresh      => { opens => 'fresh', lines => 'Require betterauth fresh 1h' },
    expr       => { opens => 'expr', lines => q{Require expr "%{BETTERAUTH:email} == 'alice@staff.example'"} },
    'expr-user' => { opens => 'expr', lines => "<RequireAll>\nRequire valid-user\nRequire expr \"%{BETTERAUTH:email} == 'alice\@staff.example'\"\n</RequireAll>" },
    'expr-first' => { opens => 'alice', lines => q{Require expr "-n %{REMOTE_USER} && %{BETTERAUTH:email} == 'alice@staff.example'"} },
    here       => { opens => 'everybody', lines => "<RequireAny>\nRequire ip 127.0.0.1\nRequire valid-user\n</RequireAny>" },
    elsewhere  => { opens => 'users', lines => "<RequireAny>\nRequire ip 10.9.8.7\nRequire valid-user\n</RequireAny>" },
    'not-bob'  => { opens => 'not-bob', lines => "<RequireAll>\nRequire all granted\n<RequireNone>\nRequire user bob\@example.com\n</RequireNone>\n</RequireAll>" },
    documents  => { opens => 'alice', documents => 1, lines => "Require user alice\@staff.example\nErrorDocument 401 \"ours\"\nErrorDocument 403 \"ours\"" },
    'documents-401' => { opens => 'users', anonymous => '401', documents => 1, lines => "Require valid-user\nErrorDocument 401 \"ours\"" },
    'any-allow' => { opens => 'everybody', compat => 1, lines => "Satisfy any\nOrder deny,allow\nAllow from all\nRequire valid-user" },
    'any-deny' => { opens => 'users', lines => "Satisfy any\nOrder allow,deny\nDeny from all\nRequire valid-user" },
);
my %WITH_FILES = map { $_ => 1 } qw(directory htaccess);

# --- Contents: what is behind ------------------------------------------------------------------------------------------

# told: how it says what it was told; status: by method, else "*". proxied: our cookies stay with httpd. file: it needs one.
our %CONTENTS = (
    page      => { path => 'page.html', html => 1, file => 1, status => { '*' => 200, PUT => 405, PROPFIND => 405 } },
    ssi       => { path => 'who.shtml', html => 1, file => 1, told => 'env', status => { '*' => 200, PUT => 405, PROPFIND => 405 }, silent => { OPTIONS => 1 } },
    cgi       => { path => 'who.cgi', file => 1, told => 'env', status => { '*' => 200 }, silent => { OPTIONS => 1 } },
    fcgi      => { path => 'fcgi', told => 'env', proxied => 1, status => { '*' => 200 } },
    proxy     => { path => 'echo', told => 'headers', proxied => 1, status => { '*' => 200 } },
    rewritten => { path => 'rewritten', told => 'headers', proxied => 1, status => { '*' => 200 } },
    dav       => { path => 'dav/page.html', html => 1, file => 1, status => { '*' => 200, PUT => 204, PROPFIND => 207 } },
    variants  => { path => 'variants/page', html => 1, file => 1, status => { '*' => 200, PUT => 405, PROPFIND => 405 } },
    folder    => { path => 'folder/', html => 1, file => 1, status => { '*' => 200, PUT => 405, PROPFIND => 405 } },
    list      => { path => 'list/', html => 1, file => 1, status => { '*' => 200, PUT => 405, PROPFIND => 405, POST => 404 } },
);

# --- States and clients ------------------------------------------------------------------------------------------------

# user: whom the session makes; unset: it names nobody. cookies: what a look at it sends.
our %STATES = (
    none       => {},
    valid      => { user => 'alice' },
    unverified => { user => 'bob' },
    due        => { user => 'alice', cookies => 'renewed', old => 1 },
    expired    => { cookies => 'cleared' },
    revoked    => { cookies => 'cleared' },
    forged     => {},
    down       => { unknown => 1 },    # a good cookie, and a database that does not answer
);

# person: a page can be shown to them; form: what they post is one; origin: ours to trust, or not.
my @EVIL = ('X-Auth-User-Id', 'X-Auth-Email', 'x_auth_email', 'X-Auth_Email', 'X.Auth.Email', 'X~Auth|Email', 'X-AUTH-NAME', 'X_Auth_Session_Id',
    'X-Auth-Email-Verified', 'X-Auth-Role', 'X-Auth-User', 'Remote-User', 'REMOTE_USER', 'Remote.User', 'X-Remote-User', 'X-Forwarded-User', 'x_forwarded_user');
our %CLIENTS = (
    browser => { person => 1, form => 'always', headers => ['Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', Accept => 'text/html,*/*;q=0.8'] },
    old     => { person => 1, form => 'urlencoded', headers => [Accept => 'text/html,application/xhtml+xml,*/*;q=0.8'] },
    frame   => { headers => ['Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'iframe', Accept => 'text/html'] , form => 'always' },
    fetch   => { headers => ['Sec-Fetch-Mode' => 'cors', 'Sec-Fetch-Dest' => 'empty', Accept => '*/*'] },
    program => { headers => [Accept => 'application/json, */*;q=0.1'] },
    socket  => { headers => [Upgrade => 'websocket', Connection => 'Upgrade', 'Sec-WebSocket-Version' => 13, 'Sec-WebSocket-Key' => 'AAAAAAAAAAAAAAAAAAAAAA==',
        'Sec-Fetch-Mode' => 'websocket', Origin => 'http://auth.test'], http1 => 1 },
    trusted => { origin => 'https://app.example', headers => ['Sec-Fetch-Mode' => 'cors', Accept => '*/*', Origin => 'https://app.example'] },
    foreign => { headers => ['Sec-Fetch-Mode' => 'cors', Accept => '*/*', Origin => 'https://evil.example'] },
    forger  => { headers => [Accept => '*/*', Authorization => 'Basic cm9vdDplZmls', map { ($_ => 'evil') } @EVIL] },
    dropper => { headers => [Accept => '*/*', Connection => 'X-Auth-Email, x_auth_user_id,X-Auth-Name , Cookie2, X-AUTH-SESSION-ID, X-Auth-Email-Verified'], http1 => 1 },
);

# name => what is sent
our %METHODS = (
    GET       => { method => 'GET' },
    HEAD      => { method => 'HEAD' },
    form      => { method => 'POST', type => 'application/x-www-form-urlencoded', body => 'a=1&b=2' },
    json      => { method => 'POST', type => 'application/json', body => '{"a":1}' },
    OPTIONS   => { method => 'OPTIONS' },
    preflight => { method => 'OPTIONS', headers => ['Access-Control-Request-Method' => 'PUT', 'Access-Control-Request-Headers' => 'x-thing'] },
    PUT       => { method => 'PUT', type => 'text/html', body => "a page\n" },
    PROPFIND  => { method => 'PROPFIND', headers => [Depth => 0] },
);

# Which of them go together.
our @ASKED = (
    (map { [$_ => 'GET'] } sort keys %CLIENTS), (map { [$_ => 'HEAD'] } qw(browser program)), (map { [$_ => 'form'] } qw(browser old fetch program forger)),
    (map { [$_ => 'json'] } qw(browser old fetch trusted)), (map { [$_ => 'OPTIONS'] } qw(program trusted forger)), [trusted => 'preflight'], [foreign => 'preflight'],
    (map { [$_ => 'PUT'] } qw(fetch forger)), (map { [$_ => 'PROPFIND'] } qw(program forger)),
);

# --- What is to be expected --------------------------------------------------------------------------------------------

my %OPENS = (    # user (undef: nobody), state => in; nobody: out = would like to know who it is, no = whoever it is
    everybody => sub { 'in' },
    users     => sub { $_[0] ? 'in' : 'out' },
    alice     => sub { !$_[0] ? 'out' : $_[0] eq 'alice' ? 'in' : 'no' },
    verified  => sub { !$_[0] ? 'out' : $_[0] eq 'alice' ? 'in' : 'no' },
    fresh     => sub { !$_[0] ? 'out' : $_[1]{old} ? 'again' : 'in' },
    expr      => sub { ($_[0] // '') eq 'alice' ? 'in' : $_[0] ? 'no' : 'never' },
    'not-bob' => sub { ($_[0] // '') eq 'bob' ? 'no' : 'in' },
);

my $JSON = qr{^application/json$};
my $HTML = qr{^text/html\b};

# The facts of the answer: status, location, type, code, challenge, cache and vary (words that must be there), cookies,
# origin (CORS), and what was told to whom is behind: user as httpd itself knows it, told as the application does.
sub expect {
    my ($cell) = @_;
    my ($place, $content, $state, $client, $asked) = ($PLACES{ $cell->{place} }, $CONTENTS{ $cell->{content} }, $STATES{ $cell->{state} },
        $CLIENTS{ $cell->{client} }, $METHODS{ $cell->{method} });
    my $guarded = $place->{guarded} // 1;
    my %all = (location => undef, code => undef, challenge => undef, cookies => '', origin => undef, always => 'here');

    if ($guarded && !$place->{compat} && $cell->{method} eq 'preflight' && $client->{origin}) {
        return { %all, status => 204, type => undef, told => undef, origin => $client->{origin}, allowed => 'PUT x-thing', vary => ['Origin'] };
    }
    return let_in(%all, $cell, undef, $cell->{content} eq 'ssi' && $cell->{state} ne 'none' && 'shown') if !$guarded;
    my $pass = ($place->{anonymous} // '') eq 'pass' || $place->{compat};
    my $decision = $state->{unknown} && !$pass ? 'unknown' : $OPENS{ $place->{opens} }->($state->{user}, $state);
    $decision = 'unknown' if $state->{unknown} && $decision eq 'out';    # pass that refuses all the same
    $all{cookies} = $state->{cookies} // '';
    return let_in(%all, $cell, $state->{user}, 1) if $decision eq 'in';

    my $method = $asked->{method};
    my $person = $client->{person} && $method =~ /^(?:GET|HEAD)$/;
    my $form = $method eq 'POST' && $client->{form} && ($client->{form} eq 'always' || $cell->{method} eq 'form');
    my %refused = (%all, told => undef, cache => ['no-store'], $client->{origin} ? (origin => $client->{origin}, vary => ['Origin']) : ());
    my %json = (type => $JSON);
    my $sign_in = '/auth/sign-in?' . ($decision eq 'again' ? 'again=1&' : '') . 'callbackURL=' . BATest::uri_escape(path($cell));

    return { %refused, status => 503, retry => 1, $person || $form ? (type => $HTML) : (%json, code => 'SERVICE_UNAVAILABLE') } if $decision eq 'unknown';
    # httpd's own word; it knows no CORS
    return { %refused, status => 403, type => $HTML, origin => undef, vary => ['Cookie'] } if $decision eq 'never';
    if ($decision eq 'again') {
        return { %refused, status => 302, location => $sign_in, type => $HTML } if $person;
        return { %refused, status => 403, $form ? (type => $HTML) : (%json, code => 'SESSION_NOT_FRESH') };
    }
    if ($decision eq 'no') {
        return { %refused, status => 403, type => $HTML, text => 'ours' } if $place->{documents};
        return { %refused, status => 403, $person || $form ? (type => $HTML) : (%json, code => 'FORBIDDEN') };
    }
    my $how = $place->{anonymous} // 'auto';
    return { %refused, status => 302, location => $sign_in, type => $HTML, origin => undef, vary => [] } if $how eq 'redirect';
    return { %refused, status => 302, location => $sign_in, type => $HTML } if $how ne '401' && $person && !$place->{documents};
    my %challenged = (%refused, status => 401, challenge => qq{Session realm="$cell->{place}"});
    return { %challenged, type => $HTML, $place->{documents} ? (text => 'ours') : () } if $person || $form;
    return { %challenged, %json, code => 'UNAUTHORIZED' };
}

# user: who it is said to be; ours: the answer depends on who asks; shown: only an answer that shows something does.
sub let_in {
    my $ours = pop;
    my $user = pop;
    my $cell = pop;
    my %all = @_;
    my ($content, $method) = ($CONTENTS{ $cell->{content} }, $METHODS{ $cell->{method} }{method});
    my $status = $content->{status}{$method} // $content->{status}{'*'};
    my $page = $content->{html} && $status == 200 && $method ne 'OPTIONS';
    return { %all, status => $status, type => $page ? $HTML : undef, reached => 1, user => $user // '',
        $ours && ($status == 200 || $ours ne 'shown') ? (cache => ['private', $page ? 'no-store' : ()], vary => ['Cookie']) : (cache => []),
        told => $content->{told} && $method ne 'HEAD' && $status == 200 && !$content->{silent}{$method} ? $user // '' : undef,
        $content->{proxied} ? (kept => 1) : () };
}

# --- The server --------------------------------------------------------------------------------------------------------

sub path { my ($cell) = @_; return "/m/$cell->{place}/$CONTENTS{ $cell->{content} }{path}" }

# Does this place have this content? Files are what <Directory> and .htaccess guard.
sub has { my ($place, $content) = @_; return !$WITH_FILES{$place} || $CONTENTS{$content}{file} }

sub _write { my ($file, $text, $mode) = @_; open my $out, '>', $file or die "$file: $!\n"; print {$out} $text; close $out; chmod $mode // 0644, $file }

# Files of the site, once for all servers. SSI and CGI say all they were told.
sub tree {
    my ($tree) = @_;
    require File::Path;
    for my $place ('all', sort keys %WITH_FILES) {
        File::Path::make_path(map { "$tree/$place/$_" } qw(dav folder list variants));
        _write("$tree/$place/$_", "a page\n") for qw(page.html dav/page.html folder/index.html variants/page.html.en list/entry.txt);
        _write("$tree/$place/who.shtml", "a page\n<!--#printenv -->\n");
        _write("$tree/$place/who.cgi", "#!/bin/sh\ncat >/dev/null\nprintf 'Content-Type: text/plain\\n\\na page\\n'\nenv\n", 0755);
    }
    _write("$tree/htaccess/.htaccess", section('htaccess'));
    return $tree;
}

sub section {
    my ($name) = @_;
    my $place = $PLACES{$name};
    return "$place->{lines}\n" unless $place->{guarded} // 1;
    return "AuthType Session\nAuthName $name\n$place->{lines}\n" . ($place->{anonymous} ? "BetterAuthUnauthenticated $place->{anonymous}\n" : '');
}

# The site's directives. unguarded: nobody is asked anywhere, which the matrix must notice.
sub config {
    my ($tree, $fcgi, %o) = @_;
    my @sections = map {
        my $place = $PLACES{$_};
        my $by = $place->{by} // 'location';
        my $section = $o{unguarded} ? "Require all granted\n" : section($_);
        $by eq 'htaccess' && !$o{unguarded} ? "<Directory \"$tree/$_\">\nAllowOverride AuthConfig\n</Directory>\n"
            : $by ne 'location' ? "<Directory \"$tree/$_\">\n$section</Directory>\n" : "<Location \"/m/$_\">\n$section</Location>\n";
    } sort keys %PLACES;
    return <<"END" . join '', @sections;
    Alias "/m/directory/" "$tree/directory/"
    Alias "/m/htaccess/" "$tree/htaccess/"
    AliasMatch "^/m/[a-z0-9-]+/((?:page|who|dav/|folder/|list/|variants/).*)\$" "$tree/all/\$1"
    <Directory "$tree">
        Require all granted
        Options +ExecCGI +Includes +Indexes +MultiViews
        AddHandler cgi-script .cgi
        AddOutputFilter INCLUDES .shtml
        AddType text/html .shtml
        AddLanguage en .en
    </Directory>
    <LocationMatch "^/m/[^/]+/dav/">
        Dav on
    </LocationMatch>
    ProxyPassMatch "^(/m/[a-z0-9-]+/echo)\$" "http://127.0.0.1:\@ECHO\@\$1"
    ProxyPassMatch "^/m/([a-z0-9-]+)/fcgi\$" "fcgi://127.0.0.1:$fcgi/\$1"
    RewriteRule "^(/m/[a-z0-9-]+/rewritten)\$" "http://127.0.0.1:\@ECHO\@\$1" [P]
    Header set X-User "expr=[%{REMOTE_USER}]"
    Header always set X-Always "here"
    Protocols h2c http/1.1
END
}

1;
