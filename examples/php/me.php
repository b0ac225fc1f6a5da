<?php
// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors

// Who is signed in, for PHP through PHP-FPM (or mod_php):
//
//     <Directory "/srv/www/members">
//         AuthType Session
//         AuthName "Members"
//         Require valid-user
//         <FilesMatch "\.php$">
//             SetHandler "proxy:unix:/run/php/php-fpm.sock|fcgi://localhost"
//         </FilesMatch>
//     </Directory>

function current_user(): ?array
{
    if (empty($_SERVER['BETTERAUTH_USER_ID'])) {
        return null;
    }
    return [
        'id' => $_SERVER['BETTERAUTH_USER_ID'],
        'email' => $_SERVER['BETTERAUTH_EMAIL'],
        'name' => $_SERVER['BETTERAUTH_NAME'],
        'emailVerified' => $_SERVER['BETTERAUTH_EMAIL_VERIFIED'] === 'true',
    ];
}

$user = current_user();
header('Content-Type: application/json');
if (!$user) {
    http_response_code(401);
}
echo json_encode($user ?? ['detail' => 'Sign in first'], JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
