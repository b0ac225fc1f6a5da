#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The pages over the wire: which there are, what a GET may do, where errors stand, that nothing typed becomes markup.
use strict;
use warnings;
use utf8;
use BATest -own;
use BATest::Sites;
use File::Path qw(make_path);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $NAME = 'pages';
my $FILE = BATest::Sites::file($NAME);
my $dir = BATest::state()->{workdir} . '/pages-files-' . flavour();
make_path("$dir/mail", "$dir/own/languages", "$dir/broken/languages");

sub write_file { my ($file, $text) = @_; open my $out, '>:utf8', $file or die "$file: $!"; print {$out} $text; close $out }
sub told { my ($answer) = @_; return "$answer->{status} " . (header($answer, 'location') // '-') }

# Documents of an operator's own: what is missing comes from the installed set, what is wrong is named.
write_file("$dir/own/forbidden.html", qq{<!--#betterauth part="head" title="ours" --><h1><!--#betterauth text="ours" --></h1><!--#betterauth part="foot" -->});
write_file("$dir/own/verified.html", qq{<p><!--#betterauth value="nothing" --><!--#betterauth text="nothing" --><!--#betterauth colour="x" --><!--#betterauth part="nothing" --></p>});
write_file("$dir/own/deleted.html", qq{<p><!--#betterauth part="deleted" --></p>});
write_file("$dir/own/resend.html", qq{<p a='<!--#betterauth value="email" -->' b="<!--#betterauth value="email" -->"><!--#betterauth value="email" --></p>\n<a href='/x?<!--#betterauth value="callback-query" -->'>});
write_file("$dir/own/languages/en.txt", "ours = Our own words\nsign-in = Come in\n");
write_file("$dir/own/languages/it.txt", "language = Italiano\ndirection = ltr\nsign-in = Accedi\n");
write_file("$dir/broken/languages/de.txt", "sign-in = Herein\nno words\nsign-up = Nie\n");

my $all = qq{    BetterAuthMailer dir:$dir/mail\n    BetterAuthChangeEmail on\n    BetterAuthDeleteUser confirm\n};
write_file("$dir/list.txt", "listed password\n");
my %hosts = (
    'pages-off'    => "    BetterAuthSignUp off\n",
    'pages-delete' => "    BetterAuthDeleteUser on\n    BetterAuthMailer off\n    BetterAuthChangeEmail on\n    BetterAuthChangeEmailUnverified on\n",
    'pages-closed' => "    BetterAuthEmailPassword off\n    BetterAuthMailer dir:$dir/mail\n",
    'pages-own'    => qq{$all    BetterAuthPagesDir "$dir/own"\n    BetterAuthLanguages it en de\n    BetterAuthBrand logo /logo.svg\n    BetterAuthBrand style /theme.css\n    BetterAuthBrand color #ffcc00\n    BetterAuthBrand terms /terms\n    BetterAuthBrand help https://help.example/\n},
    'pages-broken' => qq{    BetterAuthPagesDir "$dir/broken"\n    BetterAuthLanguages de xx\n},
    'pages-hostile' => qq{$all    BetterAuthPagesDir "$dir/own"\n} . <<'END',
    SSIUndefinedEcho "UNDEFINED"
    <Location "/auth">
        Options +Includes +ExecCGI
        SSILegacyExprParser on
        SSIErrorMsg "ERROR"
        SetOutputFilter INCLUDES
        AuthType Session
        AuthName "x"
        BetterAuthUnauthenticated pass
        Require all granted
    </Location>
END
);
my $httpd = private_httpd(name => $NAME, extra => qq{$all    BetterAuthPasswordBlockList "$dir/list.txt"\n},
    main => join '', map { BATest::Sites::vhost($_, file => $FILE, extra => $hosts{$_}) } sort keys %hosts);
my $log = $httpd->error_log;
my @form = (origin => ORIGIN);
my @start = log_lines($log);

sub page { my ($site, $path, %o) = @_; my $answer = request($site, GET => "/auth/$path", %o); utf8::decode($answer->{body}) if $answer; return $answer }
sub send_form { my ($site, $path, $fields, %o) = @_; my $answer = request($site, POST => "/auth/$path", @form, form => $fields, %o); utf8::decode($answer->{body}); return $answer }
sub state_of { return join ' ', map { (sql($NAME, "SELECT COUNT(*) FROM $_"))[0][0] } qw(user session account verification) }
sub state_of_users { return join '|', map { join ',', map { $_ // '-' } @$_ } sql($NAME, 'SELECT email, emailVerified, name FROM user ORDER BY email') }

my @PUBLIC = qw(sign-in sign-up sign-out forgot-password reset-password check-mail resend verify-email verified deleted);
my @OWN = qw(account account/name account/picture account/email account/password account/sessions account/delete delete-account);

subtest 'what is switched off is not there, and nothing links to it' => sub {
    my %missing = (
        $NAME => [],
        'pages-off' => [qw(sign-up forgot-password reset-password check-mail resend verify-email verified deleted account/email account/delete delete-account)],
        'pages-delete' => [qw(forgot-password reset-password check-mail resend verify-email verified delete-account)],
        'pages-closed' => [qw(sign-up forgot-password reset-password deleted account/password account/email account/delete delete-account)],
    );
    my $user = sign_up($NAME);
    for my $site (sort keys %missing) {
        my %off = map { $_ => 1 } @{ $missing{$site} };
        for my $path (@PUBLIC, @OWN) {
            my %as = grep({ $_ eq $path } @OWN) ? (cookie => $user->{cookie}) : ();
            my $answer = page($site, $path, %as);
            my $there = $path eq 'sign-in' && $site eq 'pages-closed' ? 403 : 200;
            is($answer->{status}, $off{$path} ? 404 : $there, "$site: $path");
            is(send_form($site, $path, [a => 1], %as)->{status}, 404, "$site: POST $path") if $off{$path};
            unlike($answer->{body}, qr{href="/auth/\Q$_\E["?]}, "$site: $path does not link to $_") for $answer->{status} == 200 ? @{ $missing{$site} } : ();
            unlike($answer->{body}, qr/an error occurred|<!--#|[{}]/, "$site: $path is whole");
        }
    }
    for my $path (@OWN) {
        my $answer = page($NAME, "$path?token=x");
        is(told($answer), '303 /auth/sign-in?callbackURL=' . uri_escape("/auth/$path?token=x"), "$path asks who it is, and comes back");
    }
    is(page($NAME, $_)->{status}, 404, "$_ is no page") for qw(field.html session.html languages/en.txt form language brand.css message error.html account/ account/nothing);
};

subtest 'GET and HEAD change nothing, whatever link it is' => sub {
    clean($NAME);
    my $user = sign_up($NAME, name => 'Ada');
    request($NAME, POST => '/api/auth/send-verification-email', @form, json => { email => $user->{email} });
    request($NAME, POST => '/api/auth/request-password-reset', @form, json => { email => $user->{email} });
    request($NAME, POST => '/api/auth/delete-user', @form, json => {}, cookie => $user->{cookie});
    my %link = map { ($_->{page} =~ m{/(verify-email|reset-password|delete-account)}, $_->{page}) } mails($NAME, $user->{email});
    is(join(' ', sort keys %link), 'delete-account reset-password verify-email', 'three mails');
    like($link{$_}, qr{^\Q@{[ORIGIN]}\E/auth/$_\?token=[\w.-]+&callbackURL=}, "the link of $_ leads to a page") for qw(verify-email delete-account);
    my ($before, $users) = (state_of(), state_of_users());
    for my $what (sort keys %link) {
        (my $path = $link{$what}) =~ s{^\Q@{[ORIGIN]}\E}{};
        for my $method (qw(HEAD GET HEAD GET)) {
            my $answer = request($NAME, $method => $path, cookie => $user->{cookie});
            is($answer->{status}, $what ne 'reset-password' ? 200 : $method eq 'HEAD' ? 404 : 302, "$method $what");
            $answer = request($NAME, $method => $path);
        }
    }
    is(state_of(), $before, 'nothing has changed');
    is(state_of_users(), $users, 'nobody has');
    (my $verify = $link{'verify-email'}) =~ s/.*token=([^&]+).*/$1/;
    (my $delete = $link{'delete-account'}) =~ s/.*token=([^&]+).*/$1/;
    is(request($NAME, POST => '/auth/verify-email', form => [token => $verify], origin => 'https://evil.example')->{status}, 403, 'not from another site');
    is(request($NAME, POST => '/auth/verify-email', form => [token => $verify], origin => ORIGIN, headers => ['Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Mode' => 'navigate'])->{status}, 403, 'nor by a form of one');
    is(request($NAME, POST => '/auth/delete-account', form => [token => $delete], origin => 'https://evil.example', cookie => $user->{cookie})->{status}, 403, 'nor is an account deleted');
    is(state_of_users(), $users, 'nothing has changed');
    is(told(send_form($NAME, 'verify-email', [token => $verify, callbackURL => '/members/'])), '303 /auth/verified?callbackURL=%2Fmembers%2F', 'the button does it');
    like(state_of_users(), qr/,1,Ada/, 'it is verified');
    is(told(send_form($NAME, 'verify-email', [token => $verify])), '303 /auth/verified', 'and again');
    is(send_form($NAME, 'delete-account', [token => $delete])->{status}, 401, 'who is not signed in is told');
    is(told(send_form($NAME, 'delete-account', [token => $delete], cookie => $user->{cookie})), '303 /auth/deleted', 'the button deletes');
    is(state_of_users(), '', 'the account');
    is(told(page($NAME, "delete-account?token=$delete", cookie => $user->{cookie})), "303 /auth/sign-in?callbackURL=%2Fauth%2Fdelete-account%3Ftoken%3D$delete", 'then nobody is signed in');
};

subtest 'whose password a link is for' => sub {
    my $user = sign_up($NAME);
    request($NAME, POST => '/api/auth/request-password-reset', @form, json => { email => $user->{email} });
    my ($token) = map { $_->{url} =~ m{/reset-password/(\w+)} } mails($NAME, $user->{email});
    like(page($NAME, "reset-password?token=$token")->{body}, qr/value="\Q$user->{email}\E" autocomplete="username".*id="newPassword"/s, 'password managers are told') for 1 .. 2;
    my $bad = sub { my ($of, $name) = @_; my $page = page($NAME, "reset-password?token=$of"); is($page->{status}, 200, $name); like($page->{body}, qr{This link does not work any more.*href="/auth/forgot-password"}s, "$name: said at once, with a way on"); unlike($page->{body}, qr/<form[^>]*reset|\Q$user->{email}\E/, "$name: and nothing else") };
    $bad->($_, 'one that is none') for 'x' x 24, '', uri_escape("'\"<x>");
    is(told(send_form($NAME, 'reset-password', [newPassword => PASSWORD, token => $token])), '303 /auth/sign-in?done=reset', 'used');
    $bad->($token, 'used up');
    request($NAME, POST => '/api/auth/request-password-reset', @form, json => { email => $user->{email} });
    ($token) = map { $_->{url} =~ m{/reset-password/(\w+)} } (mails($NAME, $user->{email}))[-1];
    sql($NAME, "UPDATE verification SET expiresAt = '2020-01-01T00:00:00.000Z'");
    $bad->($token, 'expired');
};

subtest 'sent twice' => sub {
    my @fields = (name => 'Twice', email => new_email(), password => PASSWORD, callbackURL => '/members/');
    my $once = send_form($NAME, 'sign-up', [@fields]);
    is(told($once), '303 /members/', 'the first');
    is(told(send_form($NAME, 'sign-up', [@fields], cookie => cookie_header($once))), '303 /members/', 'the second, of who is signed in by the first');
    my $strange = send_form($NAME, 'sign-up', [@fields]);
    is($strange->{status}, 422, 'of anybody else: taken');
    like($strange->{body}, qr{id="email-error">There is an account.*href="/auth/sign-in\?callbackURL=%2Fmembers%2F"}s, 'with a way on');
};

subtest 'a long way back is no error' => sub {
    for my $length (900, 1500, 1990) {
        my $way = '/' . '%41/' x ($length / 4);
        my $user = send_form($NAME, 'sign-up', [name => 'Long', email => my $email = new_email(), password => PASSWORD, callbackURL => $way]);
        is(told($user), "303 $way", "sign-up, $length bytes");
        is(told(send_form($NAME, 'sign-in', [email => $email, password => PASSWORD, callbackURL => $way])), "303 $way", 'sign-in');
        is(send_form($NAME, $_, [email => $email, callbackURL => $way])->{status}, 303, $_) for qw(forgot-password resend);
        my ($reset) = map { $_->{url} } grep { $_->{url} =~ /reset-password/ } mails($NAME, $email);
        like($reset, $length < 1000 ? qr/callbackURL%3D/ : qr/reset-password$/, 'in the mail, if it fits');
    }
};

subtest 'errors stand at their field, and what was typed stays' => sub {
    my $user = sign_up($NAME, name => 'Ada');
    my @as = (cookie => $user->{cookie});
    request($NAME, POST => '/api/auth/request-password-reset', @form, json => { email => $user->{email} });
    my ($token) = map { $_->{url} =~ m{/reset-password/(\w+)} } mails($NAME, $user->{email});
    my @cases = (
        ['sign-up', [name => ' ', email => 'x', password => ''], 422, qw(name email password)],
        ['sign-up', [name => 'x' x 300, email => new_email(), password => PASSWORD], 422, ''],
        ['sign-up', [name => 'x', email => new_email(), password => 'x' x 129], 400, 'password'],
        ['sign-in', [email => $user->{email}, password => 'wrong'], 401, ''],
        ['forgot-password', [email => 'x y'], 422, 'email'],
        ['reset-password', [newPassword => 'short', token => $token], 400, 'newPassword'],
        ['resend', [email => ''], 422, 'email'],
        ['account/name', [name => ''], 422, 'name'],
        ['account/name', [name => 'x' x 256], 400, 'name'],
        ['account/picture', [image => 'data:x'], 422, 'image'],
        ['account/email', [newEmail => uc $user->{email}], 400, 'newEmail'],
        ['account/email', [newEmail => 'x'], 422, 'newEmail'],
        ['account/password', [currentPassword => '', newPassword => ''], 422, qw(currentPassword newPassword)],
        ['account/password', [currentPassword => 'wrong password', newPassword => 'good password'], 400, 'currentPassword'],
        ['account/password', [currentPassword => PASSWORD, newPassword => 'short'], 400, 'newPassword'],
        ['account/password', [currentPassword => PASSWORD, newPassword => 'Listed password'], 400, 'newPassword'],
        ['account/delete', [password => 'wrong password'], 400, 'password'],
    );
    for my $case (@cases) {
        my ($path, $fields, $status, @at) = @$case;
        my $answer = send_form($NAME, $path, $fields, $path =~ /^account/ ? @as : ());
        my %given = @$fields;
        my $name = "$path " . join ' ', @at;
        is($answer->{status}, $status, $name);
        is(join(' ', $answer->{body} =~ /<p class="error" id="(\w+)-error">[^<]+</g), join(' ', grep { length } @at), "$name: at its field");
        is(scalar(() = $answer->{body} =~ /<li>(?:<a href="#\w+">)?[^<]+\.?(?:<\/a>)?<\/li>\n(?=\s*(?:<li>|<\/ul>\s*<\/div>|\n))/g) > 0, 1, "$name: in the summary");
        unlike($answer->{body}, qr/That did not work/, "$name: with a reason");
        for my $field (sort keys %given) {
            my ($input) = $answer->{body} =~ /(<input[^>]*\bid="$field"[^>]*>)/ or next;
            my ($value) = $input =~ / value="([^"]*)"/;
            is($value, $field =~ /password/i ? '' : $given{$field}, "$name: $field") if $field !~ /remember/;
        }
        unlike($answer->{body}, qr/\Q$given{$_}\E/, "$name: no $_ comes back") for grep { /password/i && length $given{$_} } keys %given;
    }
};

# Without JavaScript the page of a refused form stands at the form's address, which has no query.
subtest 'another language after a refused form loses nothing' => sub {
    my $user = sign_up($NAME);
    my @as = (cookie => $user->{cookie});
    request($NAME, POST => '/api/auth/request-password-reset', @form, json => { email => $user->{email} });
    request($NAME, POST => '/api/auth/send-verification-email', @form, json => { email => $user->{email} });
    request($NAME, POST => '/api/auth/delete-user', @form, json => {}, @as);
    my %token = map { ($_->{message} =~ s/=\r?\n//gr =~ s/=3D/=/gr) =~ m{/(reset-password|verify-email|delete-account)[/?](?:token=)?([\w.-]+)} } mails($NAME, $user->{email});
    my $way = '/members/?a=1&b=%2F';
    my $callback = 'callbackURL=' . uri_escape($way);
    my @cases = (
        ['sign-in', [email => $user->{email}, password => 'a wrong one'], $callback],
        ['sign-in', [email => $user->{email}, password => 'a wrong one', again => 1], "$callback&again=1", @as],
        ['sign-in', [email => $user->{email}, password => 'a wrong one', other => 1], "$callback&other=1", @as],
        ['sign-up', [name => '', email => 'x', password => 'a wrong one'], $callback],
        ['forgot-password', [email => 'x'], $callback],
        ['resend', [email => 'x'], $callback],
        ['reset-password', [newPassword => 'short', token => $token{'reset-password'}], "$callback&token=$token{'reset-password'}"],
        ['verify-email', [token => $token{'verify-email'}], "$callback&token=$token{'verify-email'}", origin => 'https://evil.example'],
        ['delete-account', [token => $token{'delete-account'}, userId => $user->{user}{id}], "$callback&token=$token{'delete-account'}", @as, origin => 'https://evil.example'],
        ['account/password', [currentPassword => 'a wrong one', newPassword => 'short'], $callback, @as],
    );
    for my $case (@cases) {
        my ($path, $fields, $query, %as) = @$case;
        my $refused = send_form($NAME, $path, [@$fields, callbackURL => $way], %as);
        cmp_ok($refused->{status}, '>=', 400, "$path is refused");
        my ($back) = map { s/&amp;/&/gr } $refused->{body} =~ /name="back" value="([^"]*)"/;
        is($back, "/auth/$path?$query", "$path: the menu of languages knows the way back");
        delete $as{origin};
        my $menu = send_form($NAME, 'language', [language => 'de', back => $back], %as);
        is(told($menu), "303 $back", "$path: which it takes");
        my $again = page($NAME, $back =~ s{^/auth/}{}r, headers => ['Accept-Language' => 'de'], %as);
        is($again->{status}, 200, "$path: the same form");
        like($again->{body}, qr/<html lang="de".*<form method="post" action="\/auth\/$path" novalidate>.*name="callbackURL" value="\/members\/\?a=1&amp;b=%2F"/s, "$path: in German, with its way on");
        like($again->{body}, qr/name="$_" value="1"/, "$path: $_") for $query =~ /(again|other)=1/;
        like($again->{body}, qr/name="token" value="\Q$1\E"/, "$path: and its link") if $query =~ /token=(.*)/;
    }
    is((send_form($NAME, 'sign-in', [email => 'x', password => '', callbackURL => 'https://evil.example/'])->{body} =~ /name="back" value="([^"]*)"/)[0], '/auth/sign-in', 'no way that is not ours');
    like(send_form($NAME, 'reset-password', [newPassword => '', token => q{"><x>&y=#}])->{body}, qr/name="back" value="\/auth\/reset-password\?token=%22%3E%3Cx%3E%26y%3D%23"/, 'whatever the token is');
};

subtest 'an old session is asked for the password' => sub {
    my $user = sign_up($NAME);
    my @as = (cookie => $user->{cookie});
    sql($NAME, "UPDATE session SET createdAt = '2020-01-01T00:00:00.000Z' WHERE userId = '$user->{user}{id}'");
    is(told(page($NAME, 'account/sessions', @as)), '303 /auth/sign-in?again=1&callbackURL=%2Fauth%2Faccount%2Fsessions', 'before it is shown the sessions');
    my $again = page($NAME, 'sign-in?again=1&callbackURL=/auth/account/sessions', @as);
    like($again->{body}, qr/Confirm that it is you.*value="\Q$user->{email}\E".*name="again" value="1"|name="again" value="1".*value="\Q$user->{email}\E"/s, 'with the address');
    my $in = send_form($NAME, 'sign-in', [email => $user->{email}, password => PASSWORD, again => 1, callbackURL => '/auth/account/sessions'], @as);
    is(told($in), '303 /auth/account/sessions', 'and then comes back');
    unlike($again->{body}, qr/name="remember"/, 'which asks for the password alone');
    my $lives = sub { cookies($_[0])->{'better-auth.session_token'}{attributes} =~ /Max-Age=[1-9]/ ? 'outlives the browser' : 'ends with the browser' };
    is($lives->($in), 'outlives the browser', 'the session is remembered as before');
    my $short = send_form($NAME, 'sign-in', [email => $user->{email}, password => PASSWORD]);
    is($lives->($short), 'ends with the browser', 'a session that is not');
    is($lives->(send_form($NAME, 'sign-in', [email => $user->{email}, password => PASSWORD, again => 1, remember => 'true'], cookie => cookie_header($short))), 'ends with the browser', 'nor is by the password alone');
    my $wrong = send_form($NAME, 'sign-in', [email => $user->{email}, password => 'a wrong one', again => 1], @as);
    like($wrong->{body}, qr/Confirm that it is you.*id="password-error">This password is not right/s, 'a wrong one is said where it was typed');
    my $list = page($NAME, 'account/sessions', cookie => cookie_header($in));
    is($list->{status}, 200, 'to the list');
    my @rows = $list->{body} =~ /<li>\s*<div><strong>(.*?)<\/li>/gs;
    is(join(' ', map { /This device/ ? 'this' : 'other' } @rows), 'this other other other', 'which starts with this one');
    my ($tokens) = join ' ', map { $_->[0] } sql($NAME, "SELECT token FROM session WHERE userId = '$user->{user}{id}'");
    unlike($list->{body}, qr/\Q$_\E/, 'which holds no token') for split ' ', $tokens;
    # somebody else's session
    my $other = sign_up($NAME);
    my ($id) = map { $_->[0] } sql($NAME, "SELECT id FROM session WHERE userId = '$other->{user}{id}'");
    is(told(send_form($NAME, 'account/sessions', [session => $id], cookie => cookie_header($in))), '303 /auth/account/sessions?done=sessions', 'an id of somebody else');
    is(session_count($NAME, "id = '$id'"), 1, 'ends nothing');
};

subtest 'a form that somebody else left open' => sub {
    my ($before, $now) = map { sign_up($NAME) } 1 .. 2;
    my ($whose) = page($NAME, 'account/name', cookie => $before->{cookie})->{body} =~ /name="userId" value="([^"]+)"/;
    is($whose, $before->{user}{id}, 'says whose it is');
    is(told(send_form($NAME, 'account/name', [name => 'Not mine', userId => $whose], cookie => $now->{cookie})), '303 /auth/account?done=other', 'is not taken for the other\'s');
    like(page($NAME, 'account?done=other', cookie => $now->{cookie})->{body}, qr/Someone else has signed in here.*\Q$now->{email}\E/s, 'who is told so');
    is((sql($NAME, "SELECT COUNT(*) FROM user WHERE name = 'Not mine'"))[0][0], 0, 'nothing is changed');
    is(told(send_form($NAME, 'account/name', [name => 'Mine', userId => $now->{user}{id}], cookie => $now->{cookie})), '303 /auth/account?done=name', 'their own is');
};

subtest 'nothing typed becomes markup or a directive' => sub {
    my @hostile = (q{<!--#exec cmd="expr 6007 + 1" -->}, q{"><script>alert(1)</script>}, q{' onmouseover='alert(1)}, q{<!--#echo var="BA" -->}, q{${PATH}}, q{<!--#betterauth value="site" -->},
        q{--><!--#include virtual="/index.html" -->}, "&lt;b&gt;", q{{user-email}}, q{%{page:site}});
    for my $site ($NAME, 'pages-hostile') {
        for my $text (@hostile) {
            my $answer = send_form($site, 'sign-up', [name => $text, email => $text, password => 'x', callbackURL => "/$text"]);
            my $escaped = $text =~ s/&/&amp;/gr =~ s/</&lt;/gr =~ s/>/&gt;/gr =~ s/"/&quot;/gr =~ s/'/&#39;/gr;
            is($answer->{status}, 422, "$site: $text");
            like($answer->{body}, qr/ value="\Q$escaped\E"/, "$site: as it was typed");
            unlike($answer->{body}, qr/6008|<script>|\[an error|ERROR|UNDEFINED|<!--#/, "$site: and nothing else");
            # single quotes, links, and in another place than a form
            my $own = send_form('pages-hostile', 'resend', [email => $text]);
            like($own->{body}, qr/<p a='\Q$escaped\E' b="\Q$escaped\E">\Q$escaped\E<\/p>/, 'in single quotes too') or diag $own->{body};
            my $get = page($site, 'check-mail?for=' . uri_escape($text) . '&error=' . uri_escape($text) . '&done=' . uri_escape($text));
            unlike($get->{body}, qr/6008|<script>alert|\Q$escaped\E(?!")/, "$site: a query is not repeated") unless $text =~ /^[\${%]|&lt;/;
        }
    }
    my $user = sign_up($NAME, name => $hostile[1]);
    my $page = page($NAME, 'account', cookie => $user->{cookie});
    like($page->{body}, qr/<dd>&quot;&gt;&lt;script&gt;alert\(1\)&lt;\/script&gt;<\/dd>/, 'a name on the account page');
    my $agent = q{Mozilla <!--#exec cmd="expr 6007 + 1" --> Firefox};
    my $in = request($NAME, POST => '/auth/sign-in', @form, form => [email => $user->{email}, password => PASSWORD], headers => ['User-Agent' => $agent]);
    unlike(page($NAME, 'account/sessions', cookie => cookie_header($in))->{body}, qr/\b6008\b|Mozilla/, 'a browser\'s name is not repeated');
};

subtest 'languages' => sub {
    my $lang = sub { my ($site, $accept, $cookie) = @_; return page($site, 'sign-in', headers => [defined $accept ? ('Accept-Language' => $accept) : ()], defined $cookie ? (cookie => $cookie) : ())->{body} =~ /<html lang="([\w-]+)" dir="(\w+)"/ ? "$1 $2" : '' };
    is($lang->($NAME), 'en ltr', 'none asked for');
    is($lang->($NAME, 'ar'), 'ar rtl', 'Arabic');
    is($lang->($NAME, 'xx, de-CH;q=0.8, fr;q=0.7'), 'de ltr', 'German of Switzerland');
    is($lang->($NAME, 'fr', 'better-auth.language=zh'), 'zh ltr', 'a cookie goes first');
    is($lang->($NAME, 'fr', 'better-auth.language=../../etc/passwd'), 'fr ltr', 'a bad one does not');
    is($lang->($NAME, 'x' x 8000), 'en ltr', 'a long header');
    is($lang->('pages-own'), 'it ltr', 'the first of BetterAuthLanguages');
    is($lang->('pages-own', 'fr'), 'it ltr', 'one that is not offered');
    my $set = send_form($NAME, 'language', [language => 'de', back => '/auth/sign-up?callbackURL=%2Fx']);
    is(told($set), '303 /auth/sign-up?callbackURL=%2Fx', 'chosen by the menu, and back');
    like(header($set, 'set-cookie'), qr/^better-auth\.language=de; Max-Age=31536000; Path=\/; HttpOnly; SameSite=Lax$/, 'the cookie');
    is(told(send_form($NAME, 'language', [language => 'xx', back => $_])), '303 /auth', "not to $_") for '//evil.example', 'https://evil.example/', "/\\evil.example", '';
    is(header(send_form($NAME, 'language', [language => 'xx', back => '/']), 'set-cookie'), undef, 'no such language');
    my $error = request($NAME, POST => '/auth/sign-in', @form, form => [email => 'x', password => ''], headers => ['Accept-Language' => 'fr']);
    utf8::decode($error->{body});
    like($error->{body}, qr/Saisissez un mot de passe\..*Mot de passe/s, 'errors too');
    # mails
    my $user = sign_up($NAME, name => 'Ada & Co');
    for my $code (qw(ar de)) {
        request($NAME, POST => '/api/auth/request-password-reset', @form, json => { email => $user->{email} }, headers => ['Accept-Language' => $code]);
    }
    my ($arabic, $german) = map { $_->{message} } mails($NAME, $user->{email});
    require MIME::QuotedPrint;
    my $plain = MIME::QuotedPrint::decode_qp($german);
    utf8::decode($plain);
    like($plain, qr/^Guten Tag Ada & Co,$/m, 'a German mail');
    like($plain, qr/Guten Tag Ada &amp; Co,/, 'escaped in HTML');
    like($plain, qr/Der Link gilt 1 Stunde\./, 'with its time');
    like($plain, qr/<html lang="de" dir="ltr">/, 'says its language');
    like(MIME::QuotedPrint::decode_qp($arabic), qr/<html lang="ar" dir="rtl">/, 'an Arabic one its direction');
    unlike($plain, qr/[{}]|%\{/, 'all values filled in');
};

subtest 'documents and words of an operator' => sub {
    my $italian = page('pages-own', 'sign-in')->{body};
    like($italian, qr{<h1>Accedi</h1>.*<label for="email">Email address</label>}s, 'a language of their own, English where it lacks words');
    like(page('pages-own', 'sign-in', headers => ['Accept-Language' => 'en'])->{body}, qr{<h1>Come in</h1>.*<label for="email">Email address}s, 'own words in an installed one');
    like($italian, qr{<img src="/logo\.svg" alt="[^"]+">.*<a href="https://help\.example/">.*<a href="/terms">}s, 'logo and links');
    like($italian, qr{<link rel="stylesheet" href="/auth/brand\.css">\s*<link rel="stylesheet" href="/theme\.css">}, 'the colour, and what goes over it');
    my $css = request('pages-own', GET => '/auth/brand.css');
    is("$css->{status} " . header($css, 'content-type'), '200 text/css; charset=utf-8', 'its sheet');
    like($css->{body}, qr/^:root\{--brand:#ffcc00;--brand-hover:#[0-9a-f]{6};--on-brand:#111111;--link:#[0-9a-f]{6}\}/, 'yellow has dark letters');
    for my $color ([link => 0xffffff], [link => 0x171c24]) {
        my @found = map { hex } $css->{body} =~ /--link:#([0-9a-f]{6})/g;
        my $ground = $color->[1];
        my $lum = sub { my $c = shift; my @w = (0.2126, 0.7152, 0.0722); my $sum = 0; for my $i (0 .. 2) { my $x = ($c >> (16 - 8 * $i) & 255) / 255; $sum += $w[$i] * ($x <= 0.04045 ? $x / 12.92 : (($x + 0.055) / 1.055)**2.4) } return $sum };
        my ($a, $b) = sort { $b <=> $a } $lum->($found[$ground == 0xffffff ? 0 : 1]), $lum->($ground);
        cmp_ok(($a + 0.05) / ($b + 0.05), '>=', 4.5, sprintf 'links can be read on #%06x', $ground);
    }
    my $user = sign_up($NAME);
    my $from = -s $log;
    my $bad = page('pages-own', 'verified');
    is($bad->{status}, 200, 'a document with mistakes is shown');
    my @said = grep { /BA0141|BA0183|BA0142|BA0184|BA0143/ } log_lines($log, $from);
    like(join("\n", @said), qr{BA0141: \Q$dir\E/own/verified\.html: no value "nothing".*BA0183: \Q$dir\E/own/verified\.html: no text "nothing".*BA0142: \Q$dir\E/own/verified\.html.*BA0184: \Q$dir\E/own/verified\.html: cannot show the part "nothing"}s, 'each is named, with its file');
    $from = -s $log;
    is(page('pages-own', 'deleted')->{status}, 200, 'one that shows itself ends');
    ok((grep { /BA0186/ } log_lines($log, $from)), 'and is named');
    expect_log('BA0141', 'BA0142', 'BA0143', 'BA0183', 'BA0184', 'BA0186');
    ok((grep { m{BA0180: \Q$dir\E/broken/languages/de\.txt, line 2: no "="} } @start), 'a bad line is named at start') or diag @start;
    ok((grep { m{BA0182: BetterAuthLanguages: there is no languages/xx\.txt} } @start), 'and a language that is not there');
    expect_log('BA0180', 'BA0182');
    like(page('pages-broken', 'sign-in')->{body}, qr{<h1>Herein</h1>}, 'what stands before it counts');
};

subtest 'other statuses in the same style' => sub {
    my $expect = sub { my ($answer, $status, $words) = @_; is($answer->{status}, $status, $words); like($answer->{body}, qr{<h1>\Q$words\E</h1>.*</html>}s, 'on a page of ours') };
    $expect->(request($NAME, GET => '/always-401/page.html', headers => [Accept => 'text/html']), 401, 'Please sign in');
    $expect->(page($NAME, 'nothing'), 404, 'Not found');
    is(request($NAME, POST => '/auth/sign-in', @form, body => 'x', headers => ['Content-Type' => 'text/plain'])->{status}, 415, 'no form');
    is(told(page($NAME, 'error')), '303 /', 'of itself the page means nothing');
};

# Referrer-Policy: with no-referrer browsers would send forms with "Origin: null".
subtest 'headers of each page' => sub {
    my $user = sign_up($NAME);
    my $policy = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    my %must = ('content-security-policy' => $policy, 'x-content-type-options' => 'nosniff', 'x-frame-options' => 'DENY', 'referrer-policy' => 'same-origin', 'cache-control' => 'no-store');
    my %answer = map { $_ => page($NAME, $_, cookie => $user->{cookie}) } @OWN, 'no-such-page';
    $answer{$_} = page($NAME, $_) for @PUBLIC, 'reset-password?token=x', 'verify-email?token=x', 'sign-in?error=%3Cscript%3E';
    $answer{"POST $_"} = send_form($NAME, $_, [email => '"><script>']) for qw(sign-in sign-up forgot-password reset-password);
    for my $name (sort keys %answer) {
        is_deeply({ map { $_ => header($answer{$name}, $_) } keys %must }, \%must, $name) or diag $answer{$name}{status};
        is(lc header($answer{$name}, 'content-type'), 'text/html; charset=utf-8', "$name: its type");
    }
    is(header(page($NAME, $_), 'x-content-type-options'), 'nosniff', "$_: is what it says") for qw(style.css pages.js betterauth.js);
    my %api = (ok => request($NAME, GET => '/api/auth/ok'), 'get-session' => request($NAME, GET => '/api/auth/get-session', cookie => $user->{cookie}),
        'an error' => post($NAME, '/sign-in/email', {}), 'a link' => request($NAME, GET => '/api/auth/reset-password/x?callbackURL=/'), 'nothing' => request($NAME, GET => '/api/auth/nothing'));
    for my $name (sort keys %api) { is(header($api{$name}, $_), $must{$_}, "API, $name: $_") for qw(x-content-type-options cache-control) }
};

done_testing;
